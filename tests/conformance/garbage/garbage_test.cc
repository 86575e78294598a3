// What the garbage collector removes and what it never touches, on every pair of stores.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/core/artifact_registry.h"
#include "server/core/catalogue_registry.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"
#include "tests/conformance/stores/job_stores.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {
namespace {

constexpr absl::Duration kGrace = absl::Hours(24);

struct Stores {
  JobStoreFactory jobs;
  bool blobs_on_disk;
};

class GarbageTest : public ::testing::TestWithParam<Stores> {
 protected:
  std::unique_ptr<BlobStores> OpenBlobs() {
    if (!GetParam().blobs_on_disk) return std::make_unique<MemoryBlobStores>(&clock_);
    return *LocalDirBlobStores::Open(&files_, &clock_, folder_.path());
  }

  StoredFile Upload(const std::string& bytes, const std::string& tenant = "team") {
    const StoredFile file{bytes, Sha256Hex(bytes), static_cast<int64_t>(bytes.size())};
    auto writer = blobs_->Of(tenant)->OpenUpload("u", file.digest, file.size_bytes);
    EXPECT_OK(writer);
    const auto kept = static_cast<size_t>((*writer)->committed());
    EXPECT_OK((*writer)->Append((*writer)->committed(), bytes.substr(kept)));
    EXPECT_OK((*writer)->Finish());
    return file;
  }

  Submission WorkOn(const std::vector<std::string>& inputs, const std::string& work = "work") {
    Submission submission{.tenant = "team",
                          .traits = {.work_digest = Sha256Hex(work), .requirements = {"preset:a"}},
                          .spec = "spec",
                          .request_digest = Sha256Hex(work)};
    submission.traits.inputs = inputs;
    return submission;
  }

  LeasedJob LeaseNext() {
    const WorkerCatalogue catalogue{
        .digest = "c", .engine_version = "1", .capabilities = {"preset:a"}, .content = "c"};
    EXPECT_OK(catalogues_.Announce(catalogue));
    return queue_.Lease("worker", catalogue, std::nullopt).value().value();
  }
  void Finish(const LeasedJob& leased, const StoredFile& result) {
    ASSERT_OK(queue_.Complete(leased.job.name, leased.job.lease.token,
                              AttemptSucceeded{{result}, "report"}));
  }
  // Leases the next job and completes it with one file of these bytes.
  void FinishOne(const std::string& result) {
    const LeasedJob leased = LeaseNext();
    Finish(leased, Upload(result));
  }

  bool Has(const StoredFile& file) { return blobs_->Of("team")->Has(file.digest); }
  GarbageReport Collect(absl::Duration grace = kGrace) {
    const absl::StatusOr<GarbageReport> report = collector_.Collect(grace);
    EXPECT_OK(report);
    return report.value_or(GarbageReport());
  }
  void KeepFor(absl::Duration retention) {
    ASSERT_OK(tenants_.Set("team", {.retention = retention}, 1));
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  SequentialIds ids_;
  ChangeSignal signal_;
  PosixFileSystem files_;
  std::unique_ptr<JobStore> store_ = GetParam().jobs.open();
  std::unique_ptr<BlobStores> blobs_ = OpenBlobs();
  TenantRegistry tenants_{store_.get(), TenantLimits()};
  CatalogueRegistry catalogues_{store_.get(), &clock_};
  ArtifactRegistry artifacts_{store_.get(), blobs_.get(), &clock_, &ids_};
  JobQueue queue_{QueueOptions(), store_.get(), blobs_.get(), &clock_, &ids_, &signal_};
  GarbageCollector collector_{{}, store_.get(), blobs_.get(), &tenants_, &clock_};
};

TEST_P(GarbageTest, ABlobThatNothingRefersToGoesAfterItsGrace) {
  const StoredFile file = Upload("bytes");
  clock_.Advance(kGrace);
  EXPECT_EQ(Collect(), GarbageReport()) << "it was used exactly a grace period ago";
  EXPECT_TRUE(Has(file));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Collect(), (GarbageReport{.removed_blobs = 1, .removed_bytes = 5}));
  EXPECT_FALSE(Has(file));
  EXPECT_EQ(blobs_->Of("team")->StoredBytes(), 0);
  EXPECT_EQ(Collect(), GarbageReport());
}

TEST_P(GarbageTest, TheGraceStartsAnewWithEveryUse) {
  const StoredFile file = Upload("bytes");
  clock_.Advance(kGrace);
  ASSERT_OK(blobs_->Of("team")->Use(file.digest));
  clock_.Advance(kGrace);
  EXPECT_EQ(Collect().removed_blobs, 0);
}

TEST_P(GarbageTest, InputsOfJobsStayInWhateverStateTheJobIs) {
  const StoredFile queued = Upload("of the queued one"), done = Upload("of the one that is done");
  ASSERT_OK(queue_.Submit(WorkOn({done.digest}, "a")));
  FinishOne("result");
  ASSERT_OK_AND_ASSIGN(const Job waiting, queue_.Submit(WorkOn({queued.digest}, "b")));
  const StoredFile idle = Upload("of nobody");
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Collect().removed_blobs, 1);
  EXPECT_TRUE(Has(queued));
  EXPECT_TRUE(Has(done));
  EXPECT_TRUE(Has(Upload("result")));
  EXPECT_FALSE(Has(idle));

  ASSERT_OK(queue_.Cancel(waiting.name));
  EXPECT_EQ(Collect().removed_blobs, 0);
  ASSERT_OK(queue_.Delete(waiting.name, std::nullopt));
  EXPECT_EQ(Collect().removed_blobs, 1);
  EXPECT_FALSE(Has(queued));
}

TEST_P(GarbageTest, WhatARunningJobHasSentStaysWithoutAnyGrace) {
  const StoredFile before = Upload("sent before by somebody");
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(queue_.Submit(WorkOn({})));
  const LeasedJob leased = LeaseNext();
  clock_.Advance(absl::Seconds(1));
  const StoredFile result = Upload("result"), left_over = Upload("not part of the result");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Collect(absl::ZeroDuration()).removed_blobs, 1);
  EXPECT_FALSE(Has(before));
  Finish(leased, result);
  EXPECT_EQ(Collect(absl::ZeroDuration()).removed_blobs, 1);
  EXPECT_TRUE(Has(result));
  EXPECT_FALSE(Has(left_over));
}

TEST_P(GarbageTest, FilesOfArtifactsStayUntilTheArtifactIsDeleted) {
  const StoredFile file = Upload("bytes"), shared = Upload("in both");
  ASSERT_OK_AND_ASSIGN(const Artifact first, artifacts_.Create("team", {file, shared}, {}));
  ASSERT_OK_AND_ASSIGN(const Artifact second, artifacts_.Create("team", {shared}, {}));
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Collect(), GarbageReport());
  ASSERT_OK(artifacts_.Delete(first.name));
  EXPECT_EQ(Collect().removed_blobs, 1);
  EXPECT_FALSE(Has(file));
  EXPECT_TRUE(Has(shared));
}

TEST_P(GarbageTest, AnotherTenantsReferenceKeepsNothing) {
  const StoredFile mine = Upload("bytes");
  Upload("bytes", "others");
  ASSERT_OK(artifacts_.Create("others", {mine}, {}));
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Collect().removed_blobs, 1);
  EXPECT_FALSE(Has(mine));
  EXPECT_TRUE(blobs_->Of("others")->Has(mine.digest));
}

TEST_P(GarbageTest, AFinishedJobGoesWithItsArtifactWhenItsTimeIsOver) {
  KeepFor(absl::Hours(100));
  const StoredFile input = Upload("input");
  ASSERT_OK_AND_ASSIGN(const Job job, queue_.Submit(WorkOn({input.digest})));
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Collect(), GarbageReport()) << "it has not finished";
  FinishOne("result");
  clock_.Advance(absl::Hours(100) - absl::Seconds(1));
  EXPECT_EQ(Collect(), GarbageReport());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(
      Collect(),
      (GarbageReport{
          .removed_jobs = 1, .removed_artifacts = 1, .removed_blobs = 2, .removed_bytes = 5 + 6}));
  EXPECT_THAT(queue_.Get(job.name), HasReason("JOB_NOT_FOUND"));
}

TEST_P(GarbageTest, AResultThatAnotherJobTookOverStaysAsLongAsThatJob) {
  KeepFor(absl::Hours(100));
  ASSERT_OK(queue_.Submit(WorkOn({})));
  FinishOne("result");
  clock_.Advance(absl::Hours(60));
  ASSERT_OK_AND_ASSIGN(const Job cached, queue_.Submit(WorkOn({})));
  ASSERT_EQ(cached.state, JobState::kSucceeded);
  clock_.Advance(absl::Hours(60));
  EXPECT_EQ(Collect(), (GarbageReport{.removed_jobs = 1}));
  EXPECT_OK(artifacts_.Get(*ParseArtifactName(cached.artifact)));
  clock_.Advance(absl::Hours(60));
  EXPECT_EQ(
      Collect(),
      (GarbageReport{
          .removed_jobs = 1, .removed_artifacts = 1, .removed_blobs = 1, .removed_bytes = 6}));
}

TEST_P(GarbageTest, AnUploadedArtifactAndOneWhoseJobWasDeletedGoByTheirAge) {
  KeepFor(absl::Hours(100));
  ASSERT_OK_AND_ASSIGN(const Job job, queue_.Submit(WorkOn({})));
  FinishOne("result");
  ASSERT_OK(queue_.Delete(job.name, std::nullopt));
  ASSERT_OK(artifacts_.Create("team", {Upload("bytes")}, {}));
  clock_.Advance(absl::Hours(99));
  EXPECT_EQ(Collect(), GarbageReport());
  ASSERT_OK(artifacts_.Create("team", {Upload("fresh")}, {}));
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Collect().removed_artifacts, 2);
}

TEST_P(GarbageTest, ManyJobsGoInOneCollection) {
  KeepFor(absl::Hours(1));
  for (int i = 0; i < 250; ++i) {
    ASSERT_OK_AND_ASSIGN(const Job job, queue_.Submit(WorkOn({}, absl::StrCat(i))));
    ASSERT_OK(queue_.Cancel(job.name));
  }
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(Collect().removed_jobs, 250);
}

TEST_P(GarbageTest, UnfinishedUploadsGoAfterAWeek) {
  ASSERT_OK((*blobs_->Of("team")->OpenUpload("u", Sha256Hex("abc"), 3))->Append(0, "ab"));
  clock_.Advance(absl::Hours(24 * 7));
  EXPECT_EQ(Collect(), GarbageReport());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Collect(), (GarbageReport{.removed_uploads = 1}));
  EXPECT_EQ(blobs_->Of("team")->StoredBytes(), 0);
}

TEST_P(GarbageTest, ANegativeGraceIsRefused) {
  EXPECT_THAT(collector_.Collect(-absl::Seconds(1)), NamesField("grace"));
}

TEST_P(GarbageTest, AJobWhoseInputWentIsNotCreated) {
  const StoredFile file = Upload("bytes");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Collect(absl::ZeroDuration()).removed_blobs, 1);
  const auto refused = queue_.Submit(WorkOn({file.digest}));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(refused, HasReason("MISSING_BLOB"));
}

// The collector runs without a grace period while others upload, create and delete what refers to
// the same few blobs, and time goes on. Whatever was created must find its blobs.
TEST_P(GarbageTest, NothingThatIsReferredToGoesWhileOthersWork) {
  constexpr int kThreads = 4, kRounds = 60;
  std::atomic<int> wrong = 0, created = 0;
  std::atomic<bool> stop = false;
  const auto hold = [&](const std::string& digest) {
    if (!blobs_->Of("team")->Has(digest)) ++wrong;
    ++created;
  };
  const auto work = [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string bytes = absl::StrCat("blob ", (thread + round) % 3);
      const StoredFile file{"a", Sha256Hex(bytes), static_cast<int64_t>(bytes.size())};
      auto writer = blobs_->Of("team")->OpenUpload(absl::StrCat(thread), file.digest, 6);
      if (!writer.ok() || !(*writer)->Append(0, bytes).ok()) ++wrong;
      if (writer.ok()) (*writer)->Finish().IgnoreError();  // It may have been collected under us.
      writer = absl::CancelledError();
      clock_.Advance(absl::Milliseconds(1));
      if (round % 2 == 0) {
        const auto artifact = artifacts_.Create("team", {file}, {});
        if (!artifact.ok()) {
          if (GetErrorDetails(artifact.status()).reason != "BLOB_MISSING") ++wrong;
          continue;
        }
        hold(file.digest);
        if (!artifacts_.Delete(artifact->name).ok()) ++wrong;
      } else {
        const auto job = queue_.Submit(WorkOn({file.digest}, absl::StrCat(thread, " ", round)));
        if (!job.ok()) {
          if (GetErrorDetails(job.status()).reason != "MISSING_BLOB") ++wrong;
          continue;
        }
        hold(file.digest);
        if (!queue_.Cancel(job->name).ok() || !queue_.Delete(job->name, std::nullopt).ok()) ++wrong;
      }
    }
  };
  std::thread collector([&] {
    while (!stop) {
      if (!collector_.Collect(absl::ZeroDuration()).ok()) ++wrong;
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  stop = true;
  collector.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(created, 0);
  clock_.Advance(absl::Seconds(1));
  Collect(absl::ZeroDuration());
  EXPECT_EQ(blobs_->Of("team")->StoredBytes(), 0);
}

std::vector<Stores> AllStores() {
  std::vector<Stores> all;
  for (const JobStoreFactory& jobs : JobStores()) {
    for (const bool on_disk : {false, true}) all.push_back({jobs, on_disk});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(AllStores, GarbageTest, ::testing::ValuesIn(AllStores()),
                         [](const auto& info) {
                           return absl::StrCat(info.param.jobs.name, info.param.blobs_on_disk
                                                                         ? "AndLocalDir"
                                                                         : "AndMemory");
                         });

}  // namespace
}  // namespace quantd::testing
