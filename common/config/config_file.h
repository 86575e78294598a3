// A YAML file as a flat list of keys and texts.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace quantd {

struct ConfigEntry {
  std::string key;
  std::string value;  // The scalar's text, whatever type YAML would make of it.
};

// Reads a mapping of scalars, in the file's order. An empty file has no entries.
//
// Errors: INVALID_ARGUMENT, reason INVALID_CONFIG, that names "path" or "path: key": not YAML, not
//         one flat mapping, a key twice ('-' and '_' are the same), a value that is no scalar; the
//         file's own error when it cannot be read.
absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

// "path: key", as errors name an entry.
std::string ConfigField(const std::string& path, const std::string& key);

}  // namespace quantd
