#include "client/cli/flags.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "common/words.h"

namespace quantd {
namespace {

constexpr size_t kHelpColumns = 88;
constexpr size_t kHelpIndent = 26;

const FlagSpec* FindFlag(const std::vector<FlagSpec>& specs, absl::string_view name) {
  for (const FlagSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

absl::Status UnknownFlag(const std::vector<FlagSpec>& specs, const std::string& name) {
  std::vector<std::string> names = {"help"};
  for (const FlagSpec& spec : specs) names.push_back(spec.name);
  const std::string near = DidYouMean(name, names);
  return MakeError(absl::StatusCode::kInvalidArgument, "UNKNOWN_FLAG",
                   absl::StrCat("unknown flag --", name,
                                near.empty() ? "" : absl::StrCat("; did you mean --", near, "?")));
}

bool IsFlag(const std::string& word) { return absl::StartsWith(word, "--") && word.size() > 2; }

absl::Status AddSwitch(const FlagSpec& spec, const std::optional<std::string>& inline_value,
                       ParsedFlags& flags) {
  if (inline_value && *inline_value != "true" && *inline_value != "false") {
    return InvalidFlag(spec.name, "takes no value");
  }
  if (!inline_value || *inline_value == "true") flags.Add(spec.name, "true");
  return absl::OkStatus();
}

// Takes the value(s) of words[i]; leaves `i` at the last word used.
absl::Status AddValues(const FlagSpec& spec, const std::optional<std::string>& inline_value,
                       const std::vector<std::string>& words, size_t& i, ParsedFlags& flags) {
  if (spec.arity == Arity::kOne && flags.Has(spec.name)) {
    return InvalidFlag(spec.name, "is given twice");
  }
  if (inline_value) {
    flags.Add(spec.name, *inline_value);
    return absl::OkStatus();
  }
  if (i + 1 >= words.size() || IsFlag(words[i + 1])) {
    return InvalidFlag(spec.name,
                       absl::StrCat("needs a value: --", spec.name, " ", spec.placeholder));
  }
  flags.Add(spec.name, words[++i]);
  while (spec.arity == Arity::kList && i + 1 < words.size() &&
         !absl::StartsWith(words[i + 1], "--")) {
    flags.Add(spec.name, words[++i]);
  }
  return absl::OkStatus();
}

}  // namespace

std::string ParsedFlags::Get(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second.back();
}

const std::vector<std::string>& ParsedFlags::All(const std::string& name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

absl::StatusOr<int64_t> ParsedFlags::Integer(const std::string& name, int64_t minimum,
                                             int64_t maximum, int64_t fallback) const {
  if (!Has(name)) return fallback;
  int64_t value = 0;
  if (!absl::SimpleAtoi(Get(name), &value) || value < minimum || value > maximum) {
    return InvalidFlag(name, absl::StrCat("'", Get(name), "' is not a whole number from ", minimum,
                                          " to ", maximum));
  }
  return value;
}

absl::StatusOr<absl::Duration> ParsedFlags::Duration(const std::string& name,
                                                     absl::Duration fallback) const {
  if (!Has(name)) return fallback;
  absl::Duration value;
  double seconds = 0;
  if (absl::SimpleAtod(Get(name), &seconds)) {
    value = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(Get(name), &value)) {
    return InvalidFlag(
        name, absl::StrCat("'", Get(name), "' is no duration; write 90, 90s, 5m or 1h30m"));
  }
  if (value <= absl::ZeroDuration()) return InvalidFlag(name, "must be longer than 0");
  return value;
}

absl::Status InvalidFlag(const std::string& name, absl::string_view description) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FLAG",
                   absl::StrCat("--", name, " ", description));
}

absl::StatusOr<ParsedFlags> ParseFlags(const std::vector<FlagSpec>& specs,
                                       const std::vector<std::string>& words) {
  ParsedFlags flags;
  bool flags_ended = false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (flags_ended || !absl::StartsWith(words[i], "-") || words[i] == "-") {
      flags.AddArgument(words[i]);
      continue;
    }
    if (words[i] == "--") {
      flags_ended = true;
      continue;
    }
    if (words[i] == "-h") {
      flags.Add("help", "true");
      continue;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(
        absl::StripPrefix(absl::StripPrefix(words[i], "-"), "-"), absl::MaxSplits('=', 1));
    std::optional<std::string> inline_value;
    if (absl::StrContains(words[i], '=')) inline_value = parts.second;
    if (parts.first == "help") {
      flags.Add("help", "true");
      continue;
    }
    const FlagSpec* spec = FindFlag(specs, parts.first);
    if (spec == nullptr || !IsFlag(words[i])) return UnknownFlag(specs, parts.first);
    RETURN_IF_ERROR(spec->arity == Arity::kSwitch
                        ? AddSwitch(*spec, inline_value, flags)
                        : AddValues(*spec, inline_value, words, i, flags));
  }
  return flags;
}

std::string FlagHelp(const std::vector<FlagSpec>& specs) {
  std::vector<std::string> groups;
  for (const FlagSpec& spec : specs) {
    if (std::find(groups.begin(), groups.end(), spec.group) == groups.end())
      groups.push_back(spec.group);
  }
  std::string text;
  for (const std::string& group : groups) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", group.empty() ? "Flags" : group, ":\n");
    for (const FlagSpec& spec : specs) {
      if (spec.group != group) continue;
      std::string head = absl::StrCat("  --", spec.name);
      if (!spec.placeholder.empty()) absl::StrAppend(&head, " ", spec.placeholder);
      if (spec.arity == Arity::kList) absl::StrAppend(&head, "...");
      if (head.size() + 2 > kHelpIndent) {
        absl::StrAppend(&text, head, "\n", std::string(kHelpIndent, ' '));
      } else {
        absl::StrAppend(&text, head, std::string(kHelpIndent - head.size(), ' '));
      }
      const std::string again =
          spec.arity == Arity::kMany || spec.arity == Arity::kList ? " Repeatable." : "";
      absl::StrAppend(&text, Wrap(absl::StrCat(spec.help, again), kHelpIndent, kHelpColumns), "\n");
    }
  }
  return text;
}

}  // namespace quantd
