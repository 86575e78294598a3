#include "tests/onnx_backend/expectations.h"

#include <fnmatch.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace quantd::onnx_backend {
namespace {

bool Fits(const std::string& pattern, const Case& test) {
  return fnmatch(pattern.c_str(), absl::StrCat(test.group, "/", test.name).c_str(), 0) == 0;
}

}  // namespace

CaseList CaseList::Read(const std::string& path) {
  std::ifstream file(path);
  QUANTD_CHECK(file.good());
  CaseList list;
  std::string line;
  while (std::getline(file, line)) {
    const std::string text(absl::StripAsciiWhitespace(line));
    if (text.empty() || text.front() == '#') continue;
    const size_t space = text.find(' ');
    QUANTD_CHECK(space != std::string::npos);
    list.lines_.push_back(
        {text.substr(0, space), std::string(absl::StripAsciiWhitespace(text.substr(space)))});
  }
  return list;
}

std::string CaseList::ReasonFor(const Case& test) const {
  for (const Line& line : lines_) {
    if (Fits(line.pattern, test)) return line.reason;
  }
  return "";
}

std::vector<std::string> CaseList::Unused(const std::vector<Case>& cases) const {
  std::vector<std::string> unused;
  for (const Line& line : lines_) {
    const bool used = std::any_of(cases.begin(), cases.end(),
                                  [&](const Case& test) { return Fits(line.pattern, test); });
    if (!used) unused.push_back(line.pattern);
  }
  return unused;
}

const CaseList& OutOfScope() {
  static const auto* const kList =
      new CaseList(CaseList::Read(QUANTD_SOURCE_DIR "/tests/onnx_backend/out_of_scope.txt"));
  return *kList;
}

}  // namespace quantd::onnx_backend
