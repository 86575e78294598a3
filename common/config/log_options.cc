#include "common/config/log_options.h"

#include <string>
#include <utility>

namespace quantd {
namespace {

OptionValue LevelValue(LogLevel* level) {
  return ChoiceValue<LogLevel>("LEVEL", level,
                               {{"debug", LogLevel::kDebug},
                                {"info", LogLevel::kInfo},
                                {"warning", LogLevel::kWarning},
                                {"error", LogLevel::kError}});
}

OptionValue FormatValue(LogFormat* format) {
  return ChoiceValue<LogFormat>("FORMAT", format,
                                {{"text", LogFormat::kText}, {"json", LogFormat::kJson}});
}

}  // namespace

std::vector<Option> LogOptions(LogSettings* settings) {
  return {{.name = "log-level",
           .value = LevelValue(&settings->level),
           .summary = "The least severe events to log: debug, info, warning or error."},
          {.name = "log-format",
           .value = FormatValue(&settings->format),
           .summary = "The form of a line in the log: text or json."}};
}

std::vector<std::string> LogFlags(const LogSettings& settings) {
  // A value's default text is the word for what its variable holds.
  LogSettings copy = settings;
  return {"--log-level", LevelValue(&copy.level).default_text, "--log-format",
          FormatValue(&copy.format).default_text};
}

}  // namespace quantd
