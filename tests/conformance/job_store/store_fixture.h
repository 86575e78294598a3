// A job store, empty, and the shortest words for writing to it and reading from it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/job_store.h"
#include "tests/conformance/stores/job_stores.h"
#include "tests/support/status_matchers.h"

namespace quantd::testing {

class JobStoreConformance : public ::testing::TestWithParam<JobStoreFactory> {
 protected:
  JobStoreConformance() : store_(GetParam().open()) {}

  static absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(1'700'000'000 + seconds); }

  // A queued job of tenant "t".
  static Job SomeJob(const std::string& id) {
    Job job;
    job.name = {"t", id};
    job.request_digest = "digest-of-request";
    job.traits.work_digest = "work-" + id;
    job.traits.requirements = {"model:onnx", "preset:a"};
    job.create_time = job.update_time = job.not_before = At(0);
    job.lease.expire_time = At(0);
    return job;
  }

  // Inserts it and returns it with its key.
  Job Insert(Job job, const std::string& spec = "spec") {
    const absl::Status status = store_->Write([&](Transaction& t) -> absl::Status {
      absl::StatusOr<int64_t> key = t.jobs().Insert(job, spec);
      if (key.ok()) job.key = *key;
      return key.status();
    });
    EXPECT_OK(status);
    return job;
  }

  void Update(const Job& job) {
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.jobs().Update(job); }));
  }

  // What `query` returns inside a reading transaction.
  template <typename Query>
  auto Read(const Query& query) {
    using Result = decltype(query(std::declval<Transaction&>()));
    Result result = absl::UnknownError("not run");
    EXPECT_OK(store_->Read([&](Transaction& t) {
      result = query(t);
      return absl::OkStatus();
    }));
    return result;
  }

  absl::StatusOr<Job> Get(const std::string& id) {
    return Read([&](Transaction& t) { return t.jobs().Get({"t", id}); });
  }

  std::vector<std::string> List(const JobQuery& query) {
    return Ids(Read([&](Transaction& t) { return t.jobs().List(query); }).value());
  }

  static std::vector<std::string> Ids(const std::vector<Job>& jobs) {
    std::vector<std::string> ids;
    for (const Job& job : jobs) ids.push_back(job.name.job);
    return ids;
  }

  std::unique_ptr<JobStore> store_;
};

inline std::string StoreName(const ::testing::TestParamInfo<JobStoreFactory>& info) {
  return info.param.name;
}

}  // namespace quantd::testing
