// The cases that are not expected to pass, with the reason.
#pragma once

#include <string>
#include <vector>

#include "tests/onnx_backend/case.h"

namespace quantd::onnx_backend {

// A list file: a line is "<group>/<pattern>  <reason>", where * in the pattern stands for any characters; # begins
// a comment.
class CaseList {
 public:
  // Dies when a line has no reason.
  static CaseList Read(const std::string& path);

  // The reason of the first line that fits, or empty.
  std::string ReasonFor(const Case& test) const;
  // The patterns that fit none of `cases`.
  std::vector<std::string> Unused(const std::vector<Case>& cases) const;

 private:
  struct Line {
    std::string pattern;
    std::string reason;
  };
  std::vector<Line> lines_;
};

// out_of_scope.txt beside this file.
const CaseList& OutOfScope();

}  // namespace quantd::onnx_backend
