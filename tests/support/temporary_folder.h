// A folder that goes with the test.
#pragma once

#include <string>

#include "common/check.h"
#include "common/file.h"

namespace quantd::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    absl::StatusOr<std::string> path = MakeTemporaryFolder("quantd_test_");
    QUANTD_CHECK(path.ok());
    path_ = *path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { RemoveAll(path_).IgnoreError(); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace quantd::testing
