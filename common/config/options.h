// A program's options as one table. Each can be given as a flag, as an environment variable or in a
// YAML file; the flag wins over the environment, that over the file, and that over the default.
//
//   --data-dir DIR   QUANTD_DATA_DIR=DIR   data-dir: DIR (or data_dir: DIR) in the file of --config
//
// Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/config_file.h"
#include "common/config/option_values.h"

namespace quantd {

enum class OptionKind {
  kSetting,   // Flag, environment and file.
  kMode,      // A flag that makes the process do something else, as --help does. When one is given,
              // only flags are read, so that a bad file does not stand in its way.
  kInternal,  // A flag only, and not in the help: for processes that the program starts itself.
  kInternalMode,  // Both.
};

struct Option {
  std::string name;               // Lower case with '-'.
  OptionValue value;              // From a factory of option_values.h.
  std::string summary;            // One sentence.
  std::string default_text = "";  // What the help says instead of the value's own default.
  OptionKind kind = OptionKind::kSetting;
  std::string group = "";  // A heading of the help. Options of one group stand together.
};

// Looks up an environment variable. Tests inject their own.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment ProcessEnvironment();

class OptionTable {
 public:
  // `program` is named in errors. `environment_prefix` is "QUANTD_" or the like. "--config FILE" is
  // added to the options. REQUIRES: names are well-formed and differ.
  OptionTable(std::string program, std::string environment_prefix, std::vector<Option> options);

  // Sets the options' variables. `arguments` are those after the program's name: --name VALUE or
  // --name=VALUE; --name or --name=false for a switch. Of a flag given twice the last one counts.
  // An empty environment variable counts as none; unknown variables are nobody's business here.
  //
  // Errors: INVALID_ARGUMENT with one field. Variables may have been set in part.
  //         INVALID_FLAG         field "--name": unknown (with the name that may have been meant),
  //         or
  //                              its value is missing or wrong.
  //         INVALID_ENVIRONMENT  field "QUANTD_NAME": its value is wrong.
  //         INVALID_CONFIG       field "file: key" or "file": see config_file.h; an unknown key;
  //         the
  //                              file cannot be read.
  absl::Status Load(const std::vector<std::string>& arguments,
                    const Environment& environment = ProcessEnvironment()) const;

  // The options with their defaults and environment variables, and the order of precedence; lines
  // of at most 100 bytes.
  std::string Help() const;

 private:
  struct GivenFlag {
    const Option* option;
    std::string value;
  };

  const Option* Find(absl::string_view name) const;
  std::string EnvironmentName(const Option& option) const;
  std::string Suggestion(absl::string_view name, absl::string_view prefix,
                         bool settings_only) const;
  absl::Status BadFlag(const std::string& name, absl::string_view problem) const;
  absl::StatusOr<std::vector<GivenFlag>> ParseFlags(
      const std::vector<std::string>& arguments) const;
  absl::Status ApplyFile(const std::string& path) const;
  absl::Status ApplyEnvironment(const Environment& environment) const;
  absl::Status ApplyFlags(const std::vector<GivenFlag>& flags) const;

  std::string program_;
  std::string environment_prefix_;
  std::vector<Option> options_;
};

}  // namespace quantd
