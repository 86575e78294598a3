#include "common/config/options.h"

#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "common/words.h"

namespace quantd {
namespace {

constexpr char kConfig[] = "config";

bool IsWellFormed(absl::string_view name) {
  for (const char c : name) {
    const bool fine = absl::ascii_islower(static_cast<unsigned char>(c)) ||
                      absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
    if (!fine) return false;
  }
  return !name.empty() && name.front() != '-';
}

// Where the file is named, Load() looks before it sets anything: there is no variable to set.
Option ConfigOption() {
  return {.name = kConfig,
          .value = {.hint = "FILE",
                    .set =
                        [](const std::string& path) {
                          return path.empty() ? absl::InvalidArgumentError("must not be empty")
                                              : absl::OkStatus();
                        }},
          .summary = "A YAML file that maps option names to values."};
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

OptionTable::OptionTable(std::string program, std::string environment_prefix,
                         std::vector<Option> options)
    : program_(std::move(program)),
      environment_prefix_(std::move(environment_prefix)),
      options_(std::move(options)) {
  options_.insert(options_.begin(), ConfigOption());
  std::set<std::string> names;
  for (const Option& option : options_) {
    QUANTD_CHECK(IsWellFormed(option.name));
    QUANTD_CHECK(names.insert(option.name).second);
  }
}

const Option* OptionTable::Find(absl::string_view name) const {
  for (const Option& option : options_) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string OptionTable::EnvironmentName(const Option& option) const {
  return absl::StrCat(environment_prefix_,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(option.name, {{"-", "_"}})));
}

std::string OptionTable::Suggestion(absl::string_view name, absl::string_view prefix,
                                    bool settings_only) const {
  std::vector<std::string> names;
  for (const Option& option : options_) {
    const bool setting = option.kind == OptionKind::kSetting;
    const bool fits = settings_only ? setting && option.name != kConfig
                                    : setting || option.kind == OptionKind::kMode;
    if (fits) names.push_back(option.name);
  }
  const std::string near = DidYouMean(name, names);
  return near.empty() ? "" : absl::StrCat("; did you mean ", prefix, near, "?");
}

absl::Status OptionTable::BadFlag(const std::string& name, absl::string_view problem) const {
  return InvalidField("INVALID_FLAG", name, absl::StrCat(problem, "; see ", program_, " --help"));
}

absl::StatusOr<std::vector<OptionTable::GivenFlag>> OptionTable::ParseFlags(
    const std::vector<std::string>& arguments) const {
  std::vector<GivenFlag> flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    absl::string_view name = flag;
    const Option* option = absl::ConsumePrefix(&name, "--") ? Find(name) : nullptr;
    if (option == nullptr) {
      const std::string word(absl::StripPrefix(name, "-"));
      return BadFlag(flag, absl::StrCat("is no flag", Suggestion(word, "--", false)));
    }
    if (equals != std::string::npos) {
      flags.push_back({option, argument.substr(equals + 1)});
    } else if (option->value.hint.empty()) {
      flags.push_back({option, "true"});
    } else if (i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "--")) {
      flags.push_back({option, arguments[++i]});
    } else {
      return BadFlag(flag, absl::StrCat("needs a value: ", flag, " ", option->value.hint));
    }
  }
  return flags;
}

absl::Status OptionTable::ApplyFlags(const std::vector<GivenFlag>& flags) const {
  for (const GivenFlag& flag : flags) {
    const absl::Status status = flag.option->value.set(flag.value);
    if (!status.ok()) return BadFlag(absl::StrCat("--", flag.option->name), status.message());
  }
  return absl::OkStatus();
}

absl::Status OptionTable::ApplyEnvironment(const Environment& environment) const {
  for (const Option& option : options_) {
    if (option.kind != OptionKind::kSetting) continue;
    const std::string name = EnvironmentName(option);
    const std::optional<std::string> value = environment(name);
    if (!value || value->empty()) continue;
    const absl::Status status = option.value.set(*value);
    if (!status.ok()) return InvalidField("INVALID_ENVIRONMENT", name, status.message());
  }
  return absl::OkStatus();
}

absl::Status OptionTable::ApplyFile(const std::string& path) const {
  const absl::StatusOr<std::vector<ConfigEntry>> entries = ReadConfigFile(path);
  if (!entries.ok()) {
    if (!GetErrorDetails(entries.status()).violations.empty()) return entries.status();
    return InvalidField("INVALID_CONFIG", path, entries.status().message());
  }
  for (const ConfigEntry& entry : *entries) {
    const std::string field = ConfigField(path, entry.key);
    const std::string name = absl::StrReplaceAll(entry.key, {{"_", "-"}});
    const Option* option = Find(name);
    if (option == nullptr || option->kind != OptionKind::kSetting || option->name == kConfig) {
      return InvalidField(
          "INVALID_CONFIG", field,
          absl::StrCat("is no option that a file may set", Suggestion(name, "", true)));
    }
    const absl::Status status = option->value.set(entry.value);
    if (!status.ok()) return InvalidField("INVALID_CONFIG", field, status.message());
  }
  return absl::OkStatus();
}

absl::Status OptionTable::Load(const std::vector<std::string>& arguments,
                               const Environment& environment) const {
  absl::StatusOr<std::vector<GivenFlag>> flags = ParseFlags(arguments);
  RETURN_IF_ERROR(flags.status());
  std::string config = environment(EnvironmentName(*Find(kConfig))).value_or("");
  bool flags_alone = false;
  for (const GivenFlag& flag : *flags) {
    if (flag.option->name == kConfig) config = flag.value;
    const OptionKind kind = flag.option->kind;
    flags_alone |= kind == OptionKind::kMode || kind == OptionKind::kInternalMode;
  }
  if (!flags_alone) {
    if (!config.empty()) RETURN_IF_ERROR(ApplyFile(config));
    RETURN_IF_ERROR(ApplyEnvironment(environment));
  }
  return ApplyFlags(*flags);
}

}  // namespace quantd
