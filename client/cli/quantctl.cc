// From the command line to a command.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/error_output.h"
#include "client/cli/exit_code.h"
#include "client/cli/help.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "common/words.h"

namespace quantd {
namespace {

constexpr char kDefaultServer[] = "127.0.0.1:7460";

struct CommandLine {
  std::string command;             // Empty when there is none.
  std::vector<std::string> words;  // Everything else, in order.
};

// Global flags may stand before the command, so that it is the first word that is neither flag nor
// value of one.
CommandLine SplitCommand(const std::vector<std::string>& words) {
  CommandLine line;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!line.command.empty() || absl::StartsWith(words[i], "-")) {
      line.words.push_back(words[i]);
      const bool takes_next =
          line.command.empty() &&
          std::any_of(GlobalFlags().begin(), GlobalFlags().end(), [&](const FlagSpec& f) {
            return f.arity != Arity::kSwitch && words[i] == "--" + f.name;
          });
      if (takes_next && i + 1 < words.size()) line.words.push_back(words[++i]);
    } else {
      line.command = words[i];
    }
  }
  return line;
}

absl::StatusOr<const Command*> FindCommand(std::span<const Command* const> commands,
                                           const std::string& name) {
  std::vector<std::string> names;
  for (const Command* command : commands) {
    if (command->name == name) return command;
    names.push_back(command->name);
  }
  const std::string near = DidYouMean(name, names);
  return MakeError(absl::StatusCode::kInvalidArgument, "UNKNOWN_COMMAND",
                   absl::StrCat("unknown command '", name, "'",
                                near.empty() ? "; 'quantctl --help' lists them"
                                             : absl::StrCat("; did you mean '", near, "'?")));
}

absl::Status CheckArgumentCount(const Command& command, const ParsedFlags& flags) {
  const size_t count = flags.arguments().size();
  if (count >= command.arguments_min && count <= command.arguments_max) return absl::OkStatus();
  const std::string usage = absl::StrCat("usage: quantctl ", command.name,
                                         command.arguments.empty() ? "" : " ", command.arguments);
  const std::string problem =
      count < command.arguments_min
          ? absl::StrCat("'", command.name, "' needs ", command.arguments)
          : absl::StrCat("unexpected argument '", flags.arguments()[command.arguments_max], "'");
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
                   absl::StrCat(problem, "; ", usage));
}

// --output as far as it can be told before the flags are known to be right, for the errors in
// between.
OutputFormat GuessOutput(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--output=json") return OutputFormat::kJson;
    if (words[i] == "--output" && i + 1 < words.size() && words[i + 1] == "json")
      return OutputFormat::kJson;
  }
  return OutputFormat::kTable;
}

std::string Setting(const ParsedFlags& flags, const Environment& env, const std::string& flag,
                    const std::string& variable, const std::string& fallback) {
  if (flags.Has(flag)) return flags.Get(flag);
  const std::string value = env.variable ? env.variable(variable) : "";
  return value.empty() ? fallback : value;
}

CredentialOptions Credentials(const ParsedFlags& flags, const Environment& env) {
  const std::string tls = Setting(flags, env, "tls", "QUANTD_TLS", "");
  return {.tls = !tls.empty() && tls != "false" && tls != "0",
          .ca_file = Setting(flags, env, "tls-ca", "QUANTD_TLS_CA", ""),
          .cert_file = Setting(flags, env, "tls-cert", "QUANTD_TLS_CERT", ""),
          .key_file = Setting(flags, env, "tls-key", "QUANTD_TLS_KEY", ""),
          .token_file = Setting(flags, env, "token-file", "QUANTD_TOKEN_FILE", ""),
          .insecure = flags.Has("insecure")};
}

absl::StatusOr<int> RunCommand(const Command& command, const ParsedFlags& flags,
                               const std::string& server, Environment& env) {
  RetryPolicy retry;
  ASSIGN_OR_RETURN(retry.overall, flags.Duration("timeout", retry.overall));
  const std::string output = flags.Get("output", "table");
  if (output != "table" && output != "json") {
    return InvalidFlag("output", absl::StrCat("is 'table' or 'json', not '", output, "'"));
  }
  RETURN_IF_ERROR(CheckArgumentCount(command, flags));
  const std::string tenant = Setting(flags, env, "tenant", "QUANTD_TENANT", "default");
  ASSIGN_OR_RETURN(const Connection connection, Connection::Open(server, Credentials(flags, env)));
  InterruptibleSleeper sleeper(env.interrupted);
  Client client(&connection, {retry, env.interrupted}, env.clock, &sleeper, "tenants/" + tenant);
  Invocation invocation = {.flags = flags,
                           .env = env,
                           .client = client,
                           .server = server,
                           .tenant = tenant,
                           .output = output == "json" ? OutputFormat::kJson : OutputFormat::kTable,
                           .retry = retry,
                           .sleeper = &sleeper,
                           .connection = &connection};
  return command.run(invocation);
}

// `words` are those behind the command's name.
std::string HelpOf(const Command& command, const std::vector<std::string>& words) {
  if (command.action_help == nullptr) return CommandHelp(command);
  std::vector<FlagSpec> specs = command.flags;
  specs.insert(specs.end(), GlobalFlags().begin(), GlobalFlags().end());
  const absl::StatusOr<ParsedFlags> flags = ParseFlags(specs, words);
  const std::string text = flags.ok() ? command.action_help(flags->arguments()) : "";
  return text.empty() ? CommandHelp(command) : text;
}

absl::StatusOr<int> Dispatch(std::span<const Command* const> commands,
                             const std::vector<std::string>& words, Environment& env,
                             std::string& server) {
  for (const std::string& word : words) {
    if (ToValidUtf8(word) == word) continue;
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
                     absl::StrCat("'", ToValidUtf8(word), "' is not UTF-8"));
  }
  CommandLine line = SplitCommand(words);
  const bool wants_help =
      std::find(line.words.begin(), line.words.end(), "--help") != line.words.end() ||
      std::find(line.words.begin(), line.words.end(), "-h") != line.words.end();
  if (line.command == "help" || (line.command.empty() && wants_help)) {
    if (line.words.empty() || line.command.empty()) {
      env.out << OverviewHelp(commands);
      return kExitOk;
    }
    ASSIGN_OR_RETURN(const Command* command, FindCommand(commands, line.words[0]));
    env.out << HelpOf(*command, {line.words.begin() + 1, line.words.end()});
    return kExitOk;
  }
  if (line.command.empty()) {
    // A flag that is wrong says more than a missing command.
    RETURN_IF_ERROR(ParseFlags(GlobalFlags(), line.words).status());
    env.err << OverviewHelp(commands);
    return kExitInvalidRequest;
  }
  ASSIGN_OR_RETURN(const Command* command, FindCommand(commands, line.command));
  if (wants_help) {
    env.out << HelpOf(*command, line.words);
    return kExitOk;
  }
  std::vector<FlagSpec> specs = command->flags;
  specs.insert(specs.end(), GlobalFlags().begin(), GlobalFlags().end());
  ASSIGN_OR_RETURN(const ParsedFlags flags, ParseFlags(specs, line.words));
  server = Setting(flags, env, "server", "QUANTD_SERVER", kDefaultServer);
  return RunCommand(*command, flags, server, env);
}

}  // namespace

int RunQuantctl(std::span<const Command* const> commands, const std::vector<std::string>& words,
                Environment& env) {
  std::string server = kDefaultServer;
  const absl::StatusOr<int> code = Dispatch(commands, words, env, server);
  if (code.ok()) return *code;
  if (env.interrupted.stop_requested()) return kExitInterrupted;
  PrintError(code.status(), GuessOutput(words), server, env.err);
  return ExitCodeOf(code.status());
}

}  // namespace quantd
