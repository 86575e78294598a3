// Structured logs: one line an event on standard error, a sentence and key=value fields. Thread-safe.
//
//   LOG_INFO("job leased", {{"job", name}, {"worker", id}});
//
// Never pass a secret as a field.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace quantd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  absl::string_view key;
  std::string value;
};

// Sets what is written; called once, before threads start.
void ConfigureLog(LogLevel minimum, LogFormat format);

void WriteLog(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields);

}  // namespace quantd

#define LOG_DEBUG(message, ...) ::quantd::WriteLog(::quantd::LogLevel::kDebug, message, __VA_ARGS__)
#define LOG_INFO(message, ...) ::quantd::WriteLog(::quantd::LogLevel::kInfo, message, __VA_ARGS__)
#define LOG_WARNING(message, ...) ::quantd::WriteLog(::quantd::LogLevel::kWarning, message, __VA_ARGS__)
#define LOG_ERROR(message, ...) ::quantd::WriteLog(::quantd::LogLevel::kError, message, __VA_ARGS__)
