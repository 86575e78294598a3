#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/admin/actions.h"
#include "client/cli/commands/registry.h"
#include "client/cli/help.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "common/words.h"

namespace quantd::commands::admin {
namespace {

using quantd::admin::Action;

std::vector<Action> AllActions() {
  std::vector<Action> all;
  for (const auto& actions : {quantd::admin::TokenActions(), quantd::admin::TenantActions(),
                              quantd::admin::ServerActions()}) {
    all.insert(all.end(), actions.begin(), actions.end());
  }
  return all;
}

std::string Description() {
  std::string text =
      "Needs the role admin; tenants, the server and --all-tenants need it for all of them: the "
      "operator's token.\n";
  for (const Action& action : AllActions()) {
    absl::StrAppend(&text, "\n  ", action.words, action.arguments.empty() ? "" : " ",
                    action.arguments, "\n      ", action.summary);
    if (!action.flags.empty()) {
      // Wrapped here: lines that begin with a space are kept as they are.
      absl::StrAppend(&text, "\n      ",
                      Wrap(absl::StrCat("Flags: --", absl::StrJoin(action.flags, ", --")), 6, 88));
    }
  }
  return text;
}

// How many arguments the words of `action` take up; 0 when they are others.
size_t Matched(const Action& action, const std::vector<std::string>& arguments) {
  const std::vector<std::string> words = absl::StrSplit(action.words, ' ');
  if (arguments.size() < words.size()) return 0;
  return std::equal(words.begin(), words.end(), arguments.begin()) ? words.size() : 0;
}

absl::Status UnknownAction(const std::vector<std::string>& arguments) {
  std::vector<std::string> known;
  for (const Action& action : AllActions()) known.push_back(action.words);
  const std::string given = absl::StrJoin(arguments, " ");
  std::vector<std::string> longer;
  for (const std::string& words : known) {
    if (absl::StartsWith(words, given + " ")) longer.push_back(words);
  }
  if (!longer.empty()) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
        absl::StrCat("'admin ", given, "' is not all; there are ", absl::StrJoin(longer, ", ")));
  }
  const std::string near = DidYouMean(given, known);
  return MakeError(
      absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
      absl::StrCat("'admin ", given, "' is unknown; ",
                   near.empty() ? absl::StrCat("there are ", absl::StrJoin(known, ", "))
                                : absl::StrCat("did you mean '", near, "'?")));
}

absl::Status CheckFlags(const Action& action, const ParsedFlags& flags,
                        const std::vector<FlagSpec>& specs) {
  for (const FlagSpec& spec : specs) {
    const bool takes =
        std::find(action.flags.begin(), action.flags.end(), spec.name) != action.flags.end();
    if (flags.Has(spec.name) && !takes) {
      return InvalidFlag(spec.name, absl::StrCat("is nothing for 'admin ", action.words, "'"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Run(Invocation& invocation);
std::string ActionHelp(const std::vector<std::string>& arguments);

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "admin",
      .position = 120,
      .summary = "Tokens, tenants and the server, for operators.",
      .arguments = "ACTION...",
      .arguments_min = 1,
      .arguments_max = 1002,
      .description = Description(),
      .flags = {{"roles", Arity::kOne, "ROLES",
                 "read, submit, worker, admin; several with commas."},
                {"expires", Arity::kOne, "DURATION", "From now: 90d, 12h. Default: never."},
                {"description", Arity::kOne, "TEXT", "What the token is for."},
                {"out", Arity::kOne, "FILE",
                 "Write the secret there, readable by its owner alone, instead of printing it."},
                {"overlap", Arity::kOne, "DURATION",
                 "How long the old secret is taken, too; at most 7d. Default: 0s."},
                {"all-tenants", Arity::kSwitch, "", "A token for every tenant."},
                {"stored-bytes-max", Arity::kOne, "BYTES", "Blobs, unfinished uploads included."},
                {"queued-jobs-max", Arity::kOne, "N", "Jobs that wait."},
                {"running-jobs-max", Arity::kOne, "N", "Jobs at once; more wait."},
                {"calls-per-second", Arity::kOne, "N", "On average."},
                {"retention", Arity::kOne, "DURATION",
                 "How long finished jobs and artifacts are kept."},
                {"weight", Arity::kOne, "X", "Share of the workers; others have 1."},
                {"grace", Arity::kOne, "DURATION",
                 "Keep blobs that were used more recently. Default: the server's."}},
      .examples =
          {"quantctl admin token create --roles submit --expires 90d --out ci.token",
           "quantctl admin token rotate 01m8qn3d64wph6tzx9xp3mcsh5 --overlap 1d --out new.token",
           "quantctl admin tenant set vision --stored-bytes-max 500GiB --weight 2",
           "quantctl admin pause"},
      .run = Run,
      .action_help = ActionHelp};
  return kCommand;
}

namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.flags.arguments();
  for (const Action& action : AllActions()) {
    const size_t words = Matched(action, arguments);
    if (words == 0) continue;
    const size_t rest = arguments.size() - words;
    if (rest < action.arguments_min || rest > action.arguments_max) {
      return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
                       absl::StrCat("usage: quantctl admin ", action.words,
                                    action.arguments.empty() ? "" : " ", action.arguments));
    }
    RETURN_IF_ERROR(CheckFlags(action, invocation.flags, Info().flags));
    return action.run(invocation,
                      {arguments.begin() + static_cast<int64_t>(words), arguments.end()});
  }
  return UnknownAction(arguments);
}

std::string ActionHelp(const std::vector<std::string>& arguments) {
  for (const Action& action : AllActions()) {
    if (Matched(action, arguments) == 0) continue;
    Command narrow = {.name = absl::StrCat("admin ", action.words),
                      .summary = action.summary,
                      .arguments = action.arguments};
    for (const FlagSpec& flag : Info().flags) {
      const auto& read = action.flags;
      if (std::find(read.begin(), read.end(), flag.name) != read.end()) {
        narrow.flags.push_back(flag);
      }
    }
    for (const std::string& example : Info().examples) {
      if (absl::StartsWith(example, absl::StrCat("quantctl ", narrow.name))) {
        narrow.examples.push_back(example);
      }
    }
    return CommandHelp(narrow);
  }
  return "";
}

}  // namespace
}  // namespace quantd::commands::admin
