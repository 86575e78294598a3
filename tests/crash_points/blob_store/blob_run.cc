#include "tests/crash_points/blob_store/blob_run.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "server/blob/local_dir/local_dir_blob_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faults/faulty_file_system.h"
#include "tests/support/faults/simulated_disk.h"

namespace quantd::testing {
namespace {

constexpr char kFolder[] = "/data/blobs";
constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();
constexpr size_t kChunkBytes = 1000;  // No multiple of a sector, so that writes are torn.

struct Machine {
  explicit Machine(DiskImage image = DiskImage())
      : disk(&plan, std::move(image)), files(&disk, &clock) {}

  absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> Open() {
    return LocalDirBlobStore::Open(&files, &clock, kFolder, "team");
  }

  FaultPlan plan;
  FakeClock clock;
  SimulatedDisk disk;
  FaultyFileSystem files;
};

std::string Content(const std::string& name) {
  Random random(name[0]);
  std::string bytes(2 * kChunkBytes + 500, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  return bytes;
}

const char* const kNames[] = {"a", "b", "c", "d", "e"};

bool IsTyped(const absl::Status& error) {
  const std::string reason = GetErrorDetails(error).reason;
  return reason == "DISK_FULL" || reason == "DISK_FAILED";
}

class BlobScenario {
 public:
  BlobScenario(Machine* machine, bool goes_on) : machine_(*machine), goes_on_(goes_on) {}

  absl::Status Run() {
    const std::vector<std::function<absl::Status()>> steps = {
        [this] { return Reopen(); },
        [this] { return Upload("a", "first"); },
        [this] { return Begin("b", "left", 1); },
        [this] { return TwoWriters("c"); },
        [this] { return Upload("b", "left"); },  // Resumed.
        [this] { return Upload("b", "again"); },
        [this] { return Damaged("d"); },
        [this] { return Delete("a"); },
        [this] { return Begin("e", "for ever", 2); },
        [this] { return Reopen(); },
        [this] { return Upload("a", "first"); },
        [this] { return Delete("c"); },
        [this] { return store_->RemoveUploadsOlderThan(absl::InfiniteFuture()).status(); },
        [this] { return Upload("d", "whole"); },
    };
    for (const auto& step : steps) {
      absl::Status status = step();
      while (!status.ok() && goes_on_ && problem_.empty()) {
        if (!IsTyped(status)) problem_ = FormatStatus(status);
        machine_.plan.Heal();
        status = step();
      }
      RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }

  const std::map<std::string, BlobFate>& fates() const { return fates_; }
  const std::string& problem() const { return problem_; }

 private:
  absl::Status Reopen() {
    store_.reset();
    ASSIGN_OR_RETURN(store_, machine_.Open());
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<BlobWriter>> Open(const std::string& name,
                                                   const std::string& upload_id) {
    const std::string bytes = Content(name);
    return store_->OpenUpload(upload_id, Sha256Hex(bytes), static_cast<int64_t>(bytes.size()));
  }

  static absl::Status Append(BlobWriter& writer, const std::string& bytes, size_t chunks) {
    for (size_t i = 0; i < chunks; ++i) {
      const auto offset = static_cast<size_t>(writer.committed());
      if (offset >= bytes.size()) return absl::OkStatus();
      RETURN_IF_ERROR(writer.Append(writer.committed(), bytes.substr(offset, kChunkBytes)));
    }
    return absl::OkStatus();
  }

  // Not finished: the writer goes as with a broken connection.
  absl::Status Begin(const std::string& name, const std::string& upload_id, size_t chunks) {
    ASSIGN_OR_RETURN(const auto writer, Open(name, upload_id));
    return Append(*writer, Content(name), chunks);
  }

  absl::Status Finish(BlobWriter& writer, const std::string& name) {
    BlobFate& fate = fates_.emplace(Sha256Hex(Content(name)), BlobFate::kGone).first->second;
    if (fate != BlobFate::kThere) fate = BlobFate::kUnknown;
    RETURN_IF_ERROR(writer.Finish());
    fate = BlobFate::kThere;
    return store_->Size(Sha256Hex(Content(name))).status();
  }

  absl::Status Upload(const std::string& name, const std::string& upload_id) {
    ASSIGN_OR_RETURN(const auto writer, Open(name, upload_id));
    RETURN_IF_ERROR(Append(*writer, Content(name), 3));
    return Finish(*writer, name);
  }

  absl::Status TwoWriters(const std::string& name) {
    ASSIGN_OR_RETURN(const auto one, Open(name, "one"));
    ASSIGN_OR_RETURN(const auto two, Open(name, "two"));
    RETURN_IF_ERROR(Append(*one, Content(name), 2));
    RETURN_IF_ERROR(Append(*two, Content(name), 3));
    RETURN_IF_ERROR(Append(*one, Content(name), 1));
    RETURN_IF_ERROR(Finish(*one, name));
    return Finish(*two, name);
  }

  absl::Status Damaged(const std::string& name) {
    ASSIGN_OR_RETURN(const auto writer, Open(name, "damaged"));
    std::string bytes = Content(name);
    bytes[7] ^= 1;
    RETURN_IF_ERROR(Append(*writer, bytes, 3));
    const absl::Status status = writer->Finish();
    if (GetErrorDetails(status).reason == "DIGEST_MISMATCH") return absl::OkStatus();
    return status.ok() ? absl::UnknownError("wrong bytes became a blob") : status;
  }

  absl::Status Delete(const std::string& name) {
    BlobFate& fate = fates_[Sha256Hex(Content(name))];
    // A deletion that failed half way may come undone although the next one found nothing to do:
    // then the collection of what is not used finds it.
    const bool failed_before = fate == BlobFate::kUnknown;
    fate = BlobFate::kUnknown;
    RETURN_IF_ERROR(store_->Delete(Sha256Hex(Content(name))));
    if (!failed_before) fate = BlobFate::kGone;
    return absl::OkStatus();
  }

  Machine& machine_;
  const bool goes_on_;
  std::unique_ptr<LocalDirBlobStore> store_;
  std::map<std::string, BlobFate> fates_;
  std::string problem_;
};

// Every visible blob is whole; what was acknowledged is as it was said.
std::string CheckFates(const LocalDirBlobStore& store,
                       const std::map<std::string, BlobFate>& fates) {
  std::string problem;
  const auto digests = store.List();
  if (!digests.ok()) return FormatStatus(digests.status());
  for (const std::string& digest : *digests) {
    const auto bytes = store.Read(digest, 0, kToTheEnd);
    if (!bytes.ok() || Sha256Hex(*bytes) != digest) {
      absl::StrAppend(&problem, digest, " is visible and not whole; ");
    }
    if (!fates.contains(digest)) absl::StrAppend(&problem, digest, " was never finished; ");
  }
  for (const auto& [digest, fate] : fates) {
    const bool there = std::binary_search(digests->begin(), digests->end(), digest);
    if (fate == BlobFate::kThere && !there) {
      absl::StrAppend(&problem, digest, " was acknowledged and is not there; ");
    }
    if (fate == BlobFate::kGone && there) {
      absl::StrAppend(&problem, digest, " was deleted and is there; ");
    }
  }
  return problem;
}

// Uploads the rest of what there is. What a power failure left of an upload may be damaged: then
// that is found out, and the next upload is whole.
absl::Status Resume(LocalDirBlobStore& store, const std::string& name,
                    const std::string& upload_id) {
  const std::string bytes = Content(name);
  const std::string digest = Sha256Hex(bytes);
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSIGN_OR_RETURN(const auto writer,
                     store.OpenUpload(upload_id, digest, static_cast<int64_t>(bytes.size())));
    RETURN_IF_ERROR(writer->Append(writer->committed(),
                                   bytes.substr(static_cast<size_t>(writer->committed()))));
    const absl::Status status = writer->Finish();
    if (status.ok()) {
      ASSIGN_OR_RETURN(const std::string read, store.Read(digest, 0, kToTheEnd));
      return read == bytes ? absl::OkStatus() : absl::DataLossError("other bytes than uploaded");
    }
    if (GetErrorDetails(status).reason != "DIGEST_MISMATCH") return status;
  }
  return absl::DataLossError("an upload from the start is damaged");
}

std::string Check(Machine& machine, const std::map<std::string, BlobFate>& fates) {
  auto store = machine.Open();
  if (!store.ok()) return absl::StrCat("does not open: ", FormatStatus(store.status()));
  std::string problem = CheckFates(**store, fates);
  constexpr std::pair<const char*, const char*> kUploads[] = {{"a", "first"},   {"b", "left"},
                                                              {"c", "one"},     {"c", "two"},
                                                              {"d", "damaged"}, {"e", "for ever"}};
  for (const auto& [name, upload_id] : kUploads) {
    const absl::Status status = Resume(**store, name, upload_id);
    if (!status.ok()) {
      absl::StrAppend(&problem, "upload of ", name, ": ", FormatStatus(status), "; ");
    }
  }
  const auto removed = (*store)->RemoveUploadsOlderThan(absl::InfiniteFuture());
  if (!removed.ok()) absl::StrAppend(&problem, FormatStatus(removed.status()), "; ");
  std::vector<std::string> left;
  if (machine.disk.List(absl::StrCat(kFolder, "/uploads"), &left) != 0 || !left.empty()) {
    absl::StrAppend(&problem, "temporary files stay: ", left.size(), "; ");
  }
  int64_t blob_bytes = 0;
  for (const std::string& digest : (*store)->List().value_or(std::vector<std::string>())) {
    blob_bytes += (*store)->Size(digest).value_or(0);
  }
  if ((*store)->StoredBytes() != blob_bytes) absl::StrAppend(&problem, "stored bytes are wrong; ");
  return problem;
}

BlobRun Run(const std::vector<FaultRule>& rules, bool goes_on, std::string& problem) {
  Machine machine;
  for (const FaultRule& rule : rules) machine.plan.Add(rule);
  BlobScenario scenario(&machine, goes_on);
  BlobRun run;
  run.status = scenario.Run();
  run.disk = machine.disk.image();
  run.changes = machine.plan.changes();
  run.fates = scenario.fates();
  run.log = machine.plan.Log();
  problem = scenario.problem();
  return run;
}

}  // namespace

BlobRun RunBlobsUntilError(const std::vector<FaultRule>& rules) {
  std::string none;
  return Run(rules, /*goes_on=*/false, none);
}

BlobRun RunBlobsThroughErrors(const std::vector<FaultRule>& rules, std::string& problem) {
  return Run(rules, /*goes_on=*/true, problem);
}

std::string CheckBlobsAfterPowerFailure(const BlobRun& run, uint64_t seed) {
  Machine machine(run.disk);
  machine.disk.Restart(seed);
  return Check(machine, run.fates);
}

std::string CheckBlobs(const BlobRun& run) {
  Machine machine(run.disk);
  return Check(machine, run.fates);
}

}  // namespace quantd::testing
