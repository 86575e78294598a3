// The kinds of value that an option can have. Each factory binds a value to the variable it sets,
// takes the variable's present content as the default that the help shows, and says in its errors
// what would be right. The variable must outlive the value. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quantd {

struct OptionValue {
  std::string hint;          // What stands behind the flag: "HOST:PORT". Empty for a switch.
  std::string default_text;  // As a user would write it; empty when there is none.
  // INVALID_ARGUMENT whose message says what is wrong with the text: "'7x' is not a whole number
  // ...". The variable is set only when all is well.
  std::function<absl::Status(const std::string&)> set;
};

// Any text but the empty one.
OptionValue TextValue(std::string hint, std::string* target);

// A decimal whole number in [minimum, maximum].
OptionValue IntegerValue(std::string hint, int* target, int minimum, int maximum);
OptionValue IntegerValue(std::string hint, int64_t* target, int64_t minimum, int64_t maximum);

// A number of bytes in [minimum, maximum], alone or with KiB, MiB, GiB or TiB behind it: 16GiB.
OptionValue BytesValue(int64_t* target, int64_t minimum, int64_t maximum);

// A duration in [minimum, maximum] with its unit, for example 90s, 1.5h or 1h30m.
OptionValue DurationValue(absl::Duration* target, absl::Duration minimum, absl::Duration maximum);

// --name, --name=true or --name=false; yes, no, on, off, 1 and 0 are understood as well.
OptionValue SwitchValue(bool* target);

// A name or an address and a port: localhost:7460, 10.0.0.1:7460, [::1]:7460.
enum class PortZero { kIsRefused, kLetsTheSystemChoose };
OptionValue HostPortValue(std::string* target, PortZero port_zero = PortZero::kIsRefused);

// One of a few words.
template <typename Enum>
OptionValue ChoiceValue(std::string hint, Enum* target,
                        std::vector<std::pair<std::string, Enum>> choices);

// A text from outside as an error message quotes it: in quotes, escaped, and cut when it is long.
std::string QuoteValue(absl::string_view text);

template <typename Enum>
OptionValue ChoiceValue(std::string hint, Enum* target,
                        std::vector<std::pair<std::string, Enum>> choices) {
  OptionValue value{.hint = std::move(hint)};
  for (const auto& [word, choice] : choices) {
    if (choice == *target) value.default_text = word;
  }
  value.set = [target, choices = std::move(choices)](const std::string& text) {
    std::vector<std::string> words;
    for (const auto& [word, choice] : choices) {
      if (word == text) {
        *target = choice;
        return absl::OkStatus();
      }
      words.push_back(word);
    }
    return absl::InvalidArgumentError(
        absl::StrCat(QuoteValue(text), " is none of ", absl::StrJoin(words, ", ")));
  };
  return value;
}

}  // namespace quantd
