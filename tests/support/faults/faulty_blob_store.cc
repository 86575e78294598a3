#include "tests/support/faults/faulty_blob_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::testing {
namespace {

absl::Status ErrorOf(Fault fault) {
  const bool is_full = fault == Fault::kDiskFull || fault == Fault::kQuotaExceeded;
  return MakeError(is_full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
                   is_full ? "DISK_FULL" : "DISK_FAILED",
                   absl::StrCat("the blob store: ", ToText(fault)));
}

// Makes `call` unless the plan says otherwise. `Result` is a Status or a StatusOr.
template <typename Call>
auto Through(FaultPlan& plan, absl::string_view operation, absl::string_view target,
             const Call& call) -> decltype(call()) {
  const Fault fault = plan.Next(operation, target);
  switch (fault) {
    case Fault::kNone:
    case Fault::kShortWrite:
    case Fault::kLostSync:
      return call();
    case Fault::kUnknownOutcome:
    case Fault::kCrashAfter:
      if (auto result = call(); !result.ok()) return result;
      return ErrorOf(fault);
    default:
      return ErrorOf(fault);
  }
}

}  // namespace

class FaultyBlobStore::Writer final : public BlobWriter {
 public:
  Writer(FaultPlan* plan, std::string digest, std::unique_ptr<BlobWriter> writer)
      : plan_(*plan), digest_(std::move(digest)), writer_(std::move(writer)) {}

  int64_t committed() const override { return writer_->committed(); }

  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    const Fault fault = plan_.Next("append", digest_);
    if (fault == Fault::kNone || fault == Fault::kLostSync) return writer_->Append(offset, bytes);
    if (fault == Fault::kShortWrite) bytes = bytes.substr(0, bytes.size() / 2);
    if (fault == Fault::kShortWrite || fault == Fault::kUnknownOutcome ||
        fault == Fault::kCrashAfter) {
      RETURN_IF_ERROR(writer_->Append(offset, bytes));
    }
    return ErrorOf(fault);
  }

  absl::Status Finish() override {
    return Through(plan_, "finish", digest_, [&] { return writer_->Finish(); });
  }

 private:
  FaultPlan& plan_;
  const std::string digest_;
  const std::unique_ptr<BlobWriter> writer_;
};

absl::StatusOr<int64_t> FaultyBlobStore::Size(const std::string& digest) const {
  return Through(plan_, kReadOperation, digest, [&] { return store_.Size(digest); });
}

absl::StatusOr<int64_t> FaultyBlobStore::Use(const std::string& digest) {
  return Through(plan_, kReadOperation, digest, [&] { return store_.Use(digest); });
}

absl::StatusOr<std::unique_ptr<BlobReader>> FaultyBlobStore::Open(const std::string& digest) const {
  return Through(plan_, kReadOperation, digest, [&] { return store_.Open(digest); });
}

absl::StatusOr<std::unique_ptr<BlobWriter>> FaultyBlobStore::OpenUpload(
    const std::string& upload_id, const std::string& digest, int64_t size_bytes,
    int64_t stored_bytes_max) {
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, Through(plan_, "upload", digest, [&] {
                     return store_.OpenUpload(upload_id, digest, size_bytes, stored_bytes_max);
                   }));
  return std::make_unique<Writer>(&plan_, digest, std::move(writer));
}

absl::Status FaultyBlobStore::Delete(const std::string& digest) {
  return Through(plan_, "delete", digest, [&] { return store_.Delete(digest); });
}

absl::StatusOr<std::optional<int64_t>> FaultyBlobStore::DeleteUnusedSince(const std::string& digest,
                                                                          absl::Time time) {
  return Through(plan_, "delete", digest, [&] { return store_.DeleteUnusedSince(digest, time); });
}

absl::StatusOr<int> FaultyBlobStore::RemoveUploadsOlderThan(absl::Time time) {
  return Through(plan_, "collect", "", [&] { return store_.RemoveUploadsOlderThan(time); });
}

absl::StatusOr<std::vector<std::string>> FaultyBlobStore::List() const {
  return Through(plan_, kReadOperation, "", [&] { return store_.List(); });
}

}  // namespace quantd::testing
