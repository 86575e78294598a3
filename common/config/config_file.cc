#include "common/config/config_file.h"

#include <yaml-cpp/yaml.h>

#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/config/yaml_document.h"
#include "common/error.h"
#include "common/file.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace quantd {
namespace {

constexpr int64_t kConfigBytesMax = 1 << 20;
constexpr size_t kShownKeyBytesMax = 80;
constexpr size_t kShownProblemBytesMax = 400;

absl::Status BadFile(const std::string& path, absl::string_view problem) {
  return InvalidField("INVALID_CONFIG", path, ToPlainText(problem, kShownProblemBytesMax));
}

absl::Status BadEntry(const std::string& path, const std::string& key, absl::string_view problem) {
  return InvalidField("INVALID_CONFIG", ConfigField(path, key), problem);
}

// yaml-cpp throws; the caller catches.
absl::StatusOr<std::vector<ConfigEntry>> ReadDocument(const std::string& path,
                                                      const std::string& text) {
  if (CountYamlDocuments(text) == YamlCount::kSeveral) {
    return BadFile(path, "holds more than one YAML document");
  }
  const YAML::Node document = YAML::Load(text);
  std::vector<ConfigEntry> entries;
  if (document.IsNull()) return entries;
  if (!document.IsMap()) return BadFile(path, "must be a mapping of option names to values");
  std::set<std::string> seen;
  // The node keeps both of two equal keys, and so shows a repetition.
  for (const auto& item : document) {
    if (!item.first.IsScalar()) return BadFile(path, "has a key that is no plain text");
    const std::string& key = item.first.Scalar();
    if (!seen.insert(absl::StrReplaceAll(key, {{"_", "-"}})).second) {
      return BadEntry(path, key, "stands twice in the file");
    }
    if (item.second.IsNull()) return BadEntry(path, key, "has no value");
    if (!item.second.IsScalar()) return BadEntry(path, key, "must be one value, not a list or map");
    entries.push_back({key, item.second.Scalar()});
  }
  return entries;
}

}  // namespace

std::string ConfigField(const std::string& path, const std::string& key) {
  return absl::StrCat(path, ": ", absl::Utf8SafeCEscape(key.substr(0, kShownKeyBytesMax)));
}

absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kConfigBytesMax);
  if (absl::IsInvalidArgument(text.status()) || absl::IsResourceExhausted(text.status())) {
    return BadFile(path, absl::string_view(text.status().message()));
  }
  if (!text.ok()) return text.status();
  if (IsGitLfsPointer(*text)) return BadFile(path, kIsGitLfsPointer);
  try {
    return ReadDocument(path, *text);
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    return BadFile(path,
                   absl::StrCat("is not YAML: ", error.msg,
                                placed ? absl::StrCat(" in line ", error.mark.line + 1) : ""));
  } catch (const std::exception& error) {
    return BadFile(path, absl::StrCat("cannot be read as YAML: ", error.what()));
  }
}

}  // namespace quantd
