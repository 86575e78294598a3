#include "tests/support/faults/faulty_job_store.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::testing {
namespace {

constexpr char kTransaction[] = "transaction";

absl::Status ErrorOf(Fault fault) {
  const bool is_full = fault == Fault::kDiskFull || fault == Fault::kQuotaExceeded;
  return MakeError(is_full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
                   is_full ? "DISK_FULL" : "STORE_FAILED",
                   absl::StrCat("the job store: ", ToText(fault)));
}

}  // namespace

absl::Status FaultyJobStore::Write(const Body& body) {
  if (delay_) delay_(kTransaction);
  const Fault fault = plan_.Next(kTransaction);
  switch (fault) {
    case Fault::kIoError:
    case Fault::kCrashBefore:
      return ErrorOf(fault);
    case Fault::kErrorAfter:
    case Fault::kDiskFull:
    case Fault::kQuotaExceeded:
      return store_.Write([&](Transaction& transaction) -> absl::Status {
        RETURN_IF_ERROR(body(transaction));
        return ErrorOf(fault);
      });
    case Fault::kUnknownOutcome:
    case Fault::kCrashAfter:
      RETURN_IF_ERROR(store_.Write(body));
      return ErrorOf(fault);
    case Fault::kNone:
    case Fault::kShortWrite:
    case Fault::kLostSync:
      return store_.Write(body);
  }
  return store_.Write(body);
}

absl::Status FaultyJobStore::Read(const Body& body) {
  if (delay_) delay_(kReadOperation);
  const Fault fault = plan_.Next(kReadOperation);
  return fault == Fault::kNone ? store_.Read(body) : ErrorOf(fault);
}

}  // namespace quantd::testing
