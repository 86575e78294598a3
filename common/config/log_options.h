// --log-level and --log-format, which every program has.
#pragma once

#include <string>
#include <vector>

#include "common/config/options.h"
#include "common/log.h"

namespace quantd {

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

// The two options that set `settings`, which must outlive them.
std::vector<Option> LogOptions(LogSettings* settings);

// The words that set them again, for the processes that this one starts.
std::vector<std::string> LogFlags(const LogSettings& settings);

}  // namespace quantd
