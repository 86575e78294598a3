// Identifiers that a test can foretell: "id-000001", "id-000002", ... Thread-safe.
#pragma once

#include <atomic>
#include <string>

#include "absl/strings/str_format.h"
#include "server/core/ids.h"

namespace quantd::testing {

class SequentialIds final : public IdSource {
 public:
  std::string Next() override { return absl::StrFormat("id-%06d", ++last_); }

 private:
  std::atomic<int> last_ = 0;
};

}  // namespace quantd::testing
