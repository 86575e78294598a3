#include "common/log.h"

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/secrets.h"

namespace quantd {
namespace {

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> log_format{LogFormat::kText};

constexpr const char* kLevelNames[] = {"debug", "info", "warning", "error"};

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool NeedsQuotes(const std::string& text) {
  return text.empty() || text.find_first_of(" \"\\\n\t=") != std::string::npos;
}

}  // namespace

void ConfigureLog(LogLevel minimum, LogFormat format) {
  minimum_level = minimum;
  log_format = format;
}

void WriteLog(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (level < minimum_level.load()) return;
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  const char* name = kLevelNames[static_cast<int>(level)];
  std::string line;
  if (log_format.load() == LogFormat::kJson) {
    line = absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", name,
                        "\",\"message\":", Quoted(std::string(message)));
    for (const LogField& field : fields) {
      absl::StrAppend(&line, ",", Quoted(std::string(field.key)), ":", Quoted(field.value));
    }
    line += "}\n";
  } else {
    line = absl::StrCat(time, " ", name, " ", message);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=",
                      NeedsQuotes(field.value) ? Quoted(field.value) : field.value);
    }
    line += "\n";
  }
  line = WithoutSecrets(line);
  // One write, so that lines of several threads do not mix.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace quantd
