// Command-line flags as tables: parsing and help.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quantd {

enum class Arity {
  kSwitch,  // --wait
  kOne,     // --seed 7 or --seed=7; given twice is an error.
  kMany,    // Repeatable: --gate A --gate B.
  kList,    // Repeatable, and takes every word up to the next flag: --data a.npy b.npy.
};

struct FlagSpec {
  std::string name;  // Without dashes.
  Arity arity = Arity::kOne;
  std::string placeholder;  // "FILE"; empty for switches.
  std::string help;         // A sentence or two; wrapped when printed.
  std::string group;  // Heading in the help; flags of one group stand together. Empty: "Flags".
};

// What the user gave. Getters name the flag in their errors (INVALID_ARGUMENT, reason
// INVALID_FLAG).
class ParsedFlags {
 public:
  bool Has(const std::string& name) const { return values_.contains(name); }
  std::string Get(const std::string& name, const std::string& fallback = "") const;
  const std::vector<std::string>& All(const std::string& name) const;
  absl::StatusOr<int64_t> Integer(const std::string& name, int64_t minimum, int64_t maximum,
                                  int64_t fallback) const;
  absl::StatusOr<absl::Duration> Duration(const std::string& name, absl::Duration fallback) const;

  const std::vector<std::string>& arguments() const { return arguments_; }

  void Add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
  }
  void AddArgument(std::string value) { arguments_.push_back(std::move(value)); }

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> arguments_;
};

// INVALID_ARGUMENT, reason INVALID_FLAG, that names the flag as the user writes it.
absl::Status InvalidFlag(const std::string& name, absl::string_view description);

// `words` without the program's and the command's name. "--" ends the flags. Errors:
// INVALID_ARGUMENT with reason UNKNOWN_FLAG (and what may have been meant) or INVALID_FLAG.
absl::StatusOr<ParsedFlags> ParseFlags(const std::vector<FlagSpec>& specs,
                                       const std::vector<std::string>& words);

// The table of flags for a help text, grouped, wrapped to 88 columns.
std::string FlagHelp(const std::vector<FlagSpec>& specs);

}  // namespace quantd
