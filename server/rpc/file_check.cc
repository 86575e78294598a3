#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/digest.h"
#include "server/rpc/spec_check.h"

namespace quantd {
namespace {

constexpr char kInvalid[] = "INVALID_SPEC";
constexpr size_t kFileNameBytesMax = 1024;
constexpr size_t kLabelsMax = 64;
constexpr size_t kLabelKeyBytesMax = 63;
constexpr size_t kLabelValueBytesMax = 256;

bool IsLabelKey(absl::string_view key) {
  if (key.empty() || key.size() > kLabelKeyBytesMax || !absl::ascii_islower(key[0])) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '.' || c == '-';
  });
}

bool HoldsControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

std::string FileNameProblem(absl::string_view name) {
  if (name.empty()) return "is missing";
  if (name.size() > kFileNameBytesMax) return "is longer than 1,024 bytes";
  if (name.find('\0') != absl::string_view::npos) return "holds a NUL byte";
  for (const absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return "must be a relative path without empty, '.' or '..' parts";
    }
  }
  return "";
}

void CheckFiles(const google::protobuf::RepeatedPtrField<v1::FileRef>& files,
                const std::string& field, SpecProblems& problems, int max) {
  if (files.empty()) problems.Add(kInvalid, field, "is empty: at least one file is needed");
  if (files.size() > max) {
    problems.Add(kInvalid, field,
                 absl::StrCat("has ", files.size(), " entries; at most ", max, " are taken"));
    return;
  }
  std::set<absl::string_view> names;
  for (int i = 0; i < files.size(); ++i) {
    const v1::FileRef& file = files[i];
    const std::string at = absl::StrCat(field, "[", i, "]");
    const std::string wrong = FileNameProblem(file.name());
    if (!wrong.empty()) {
      problems.Add(kInvalid, at + ".name", wrong);
    } else if (!names.insert(file.name()).second) {
      problems.Add(kInvalid, at + ".name", absl::StrCat("'", file.name(), "' is there twice"));
    }
    if (!IsSha256Hex(file.digest())) {
      problems.Add(kInvalid, at + ".digest", "must be a SHA-256: 64 lower-case hexadecimal digits");
    }
    if (file.size_bytes() < 0) problems.Add(kInvalid, at + ".size_bytes", "must not be negative");
  }
}

void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels,
                 const std::string& field, SpecProblems& problems) {
  if (labels.size() > kLabelsMax) problems.Add(kInvalid, field, "has more than 64 entries");
  // In a fixed order, so that equal requests get equal answers.
  for (const auto& [key, value] :
       std::map<std::string, std::string>(labels.begin(), labels.end())) {
    if (!IsLabelKey(key)) {
      problems.Add(kInvalid, absl::StrCat(field, "[", key, "]"),
                   "a key matches [a-z][a-z0-9_.-]{0,62}");
    } else if (value.size() > kLabelValueBytesMax || HoldsControlCharacter(value)) {
      problems.Add(kInvalid, absl::StrCat(field, "[", key, "]"),
                   "its value is longer than 256 bytes or holds a control character");
    }
  }
}

}  // namespace quantd
