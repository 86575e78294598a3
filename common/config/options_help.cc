#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/options.h"
#include "common/words.h"

namespace quantd {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kIndent = 30;
constexpr char kDefaultGroup[] = "Options";

std::string GroupOf(const Option& option) {
  return option.group.empty() ? kDefaultGroup : option.group;
}

}  // namespace

std::string OptionTable::Help() const {
  std::vector<std::string> groups;
  for (const Option& option : options_) {
    if (std::find(groups.begin(), groups.end(), GroupOf(option)) == groups.end()) {
      groups.push_back(GroupOf(option));
    }
  }
  std::string help;
  for (const std::string& group : groups) {
    std::string lines;
    for (const Option& option : options_) {
      const bool shown = option.kind == OptionKind::kSetting || option.kind == OptionKind::kMode;
      if (!shown || GroupOf(option) != group) continue;
      std::string head = absl::StrCat("  --", option.name, option.value.hint.empty() ? "" : " ",
                                      option.value.hint);
      // Two blanks at least stand before the text; else it starts on the next line.
      head += head.size() + 2 > kIndent ? absl::StrCat("\n", std::string(kIndent, ' '))
                                        : std::string(kIndent - head.size(), ' ');
      std::string text = option.summary;
      const std::string& shown_default =
          option.default_text.empty() ? option.value.default_text : option.default_text;
      if (!shown_default.empty()) absl::StrAppend(&text, " Default: ", shown_default, ".");
      if (option.kind == OptionKind::kSetting) {
        absl::StrAppend(&text, " Environment: ", EnvironmentName(option), ".");
      }
      absl::StrAppend(&lines, head, Wrap(text, kIndent, kColumns), "\n");
    }
    if (!lines.empty()) absl::StrAppend(&help, group, ":\n", lines, "\n");
  }
  return absl::StrCat(
      help,
      Wrap("A flag wins over the environment, the environment over the file of --config, and "
           "the file over the default. In the file an option is its name without the dashes "
           "in front: \"data-dir: /var/lib/quantd\".",
           0, kColumns),
      "\n");
}

}  // namespace quantd
