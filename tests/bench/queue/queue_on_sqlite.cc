#include "tests/bench/queue/queue_on_sqlite.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/digest.h"
#include "common/status_macros.h"
#include "server/core/catalogue_registry.h"

namespace quantd::bench {
namespace {

constexpr char kModel[] = "a quantized model";

}  // namespace

QueueOnSqlite::QueueOnSqlite(const std::string& path, Durability durability) : ids_(&clock_) {
  absl::StatusOr<std::unique_ptr<SqliteJobStore>> store =
      SqliteJobStore::Open(path, {.durability = durability});
  QUANTD_CHECK(store.ok());
  store_ = *std::move(store);
  queue_ =
      std::make_unique<JobQueue>(QueueOptions(), store_.get(), &blobs_, &clock_, &ids_, &signal_);
  CatalogueRegistry catalogues(store_.get(), &clock_);
  QUANTD_CHECK(catalogues.Announce(Catalogue()).ok());
  const std::string model = kModel;
  file_ = {.name = "model.onnx",
           .digest = Sha256Hex(model),
           .size_bytes = static_cast<int64_t>(model.size())};
}

void QueueOnSqlite::Upload(const std::string& tenant) {
  const std::shared_ptr<BlobStore> blobs = blobs_.Of(tenant);
  if (blobs->Has(file_.digest)) return;
  auto upload = blobs->OpenUpload("upload", file_.digest, file_.size_bytes);
  QUANTD_CHECK(upload.ok() && (*upload)->Append(0, kModel).ok() && (*upload)->Finish().ok());
}

const WorkerCatalogue& QueueOnSqlite::Catalogue() {
  static const WorkerCatalogue kCatalogue = {.digest = Sha256Hex("catalogue"),
                                             .engine_version = "1.0.0",
                                             .capabilities = {"preset:a", "preset:b"},
                                             .content = "catalogue"};
  return kCatalogue;
}

void QueueOnSqlite::Submit(const std::string& tenant, const std::string& spec,
                           const std::string& requirement) {
  Upload(tenant);
  const std::string work = Sha256Hex(absl::StrCat(++works_));
  QUANTD_CHECK(queue_
                   ->Submit({.tenant = tenant,
                             .traits = {.work_digest = work, .requirements = {requirement}},
                             .spec = spec,
                             .request_id = work,
                             .request_digest = work})
                   .ok());
}

void QueueOnSqlite::AddRows(int count) {
  constexpr int kRunning = 100;
  constexpr int kTenants = 3;
  const absl::Time now = clock_.Now();
  const absl::Status added = store_->Write([&](Transaction& transaction) -> absl::Status {
    for (int i = 0; i < count; ++i) {
      Job job{.name = {absl::StrCat("team", i % kTenants), ids_.Next()},
              .traits = {.work_digest = Sha256Hex(absl::StrCat(++works_)),
                         .requirements = {"preset:a"}},
              .create_time = now,
              .update_time = now,
              .not_before = now};
      if (i < kRunning) {
        job.state = JobState::kRunning;
        job.lease = {.worker = "another", .token = 1, .expire_time = now + absl::Hours(1)};
        job.attempts = {{.number = 1, .worker = "another", .start_time = now}};
      } else if (i / kTenants % 2 == 0) {
        job.state = JobState::kSucceeded;
        job.end_time = now;
      }
      RETURN_IF_ERROR(transaction.jobs().Insert(job, "spec").status());
    }
    return absl::OkStatus();
  });
  QUANTD_CHECK(added.ok());
}

LeasedJob QueueOnSqlite::Lease() {
  absl::StatusOr<std::optional<LeasedJob>> leased =
      queue_->Lease("worker", Catalogue(), std::nullopt);
  QUANTD_CHECK(leased.ok() && leased->has_value());
  return **std::move(leased);
}

void QueueOnSqlite::Complete(const LeasedJob& leased, const std::string& report) {
  QUANTD_CHECK(queue_
                   ->Complete(leased.job.name, leased.job.lease.token,
                              AttemptSucceeded{.files = {file_}, .report = report})
                   .ok());
}

}  // namespace quantd::bench
