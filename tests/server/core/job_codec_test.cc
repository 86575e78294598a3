#include "server/core/job_codec.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOkAndHolds;
using testing::StatusIs;

// What an operator reads in the database. 1,000,000,002 s is 1000000002000000000 ns.
constexpr char kDetails[] = R"json({
  "attempts": [
    {"number": 1, "worker": "w", "start": 1000000000000000000, "end": 1000000002000000000,
     "outcome": 3, "error": {"code": 14, "message": "gone", "reason": "LEASE_EXPIRED",
                             "metadata": {"k": "v"}, "violations": [["f", "d"]],
                             "retry_after_ns": 2500000000}},
    {"number": 2, "worker": "x", "start": 1000000002000000000, "end": null, "outcome": 0,
     "error": null, "sandbox": {"applied": ["seccomp"], "missing": ["landlock: the kernel has none"]}}],
  "progress": {"stage": "evaluate", "step": 2, "steps": 5, "fraction": 0.5, "eta_ns": 1000000000},
  "error": null, "artifact": "a", "cached_from": "", "lease_worker": "x",
  "start": 1000000000000000000, "end": null})json";

Job DetailedJob() {
  Job job;
  job.attempts = {{.number = 1,
                   .worker = "w",
                   .start_time = absl::FromUnixSeconds(1'000'000'000),
                   .end_time = absl::FromUnixSeconds(1'000'000'002),
                   .outcome = AttemptOutcome::kLeaseExpired,
                   .error = MakeError(absl::StatusCode::kUnavailable, "gone",
                                      {.reason = "LEASE_EXPIRED",
                                       .metadata = {{"k", "v"}},
                                       .violations = {{"f", "d"}},
                                       .retry_after = absl::Milliseconds(2500)})},
                  {.number = 2,
                   .worker = "x",
                   .start_time = absl::FromUnixSeconds(1'000'000'002),
                   .sandbox = SandboxRecord{{"seccomp"}, {"landlock: the kernel has none"}}}};
  job.progress = {
      .stage = "evaluate", .step = 2, .steps = 5, .eta = absl::Seconds(1), .fraction = 0.5};
  job.artifact = "a";
  job.lease.worker = "x";
  job.start_time = absl::FromUnixSeconds(1'000'000'000);
  return job;
}

TEST(JobCodecTest, DetailsAreThisJson) {
  EXPECT_EQ(Json::parse(EncodeJobDetails(DetailedJob())), Json::parse(kDetails));
}

TEST(JobCodecTest, ThisJsonIsTheseDetails) {
  Job job;
  ASSERT_OK(DecodeJobDetails(kDetails, job));
  EXPECT_EQ(job, DetailedJob());
}

TEST(JobCodecTest, DamagedTextIsDataLoss) {
  Job job;
  for (const char* text : {"", "{", "[]", "{}", "{\"attempts\": 3}", "null"}) {
    EXPECT_THAT(DecodeJobDetails(text, job), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
  JobEvent event;
  EXPECT_THAT(DecodeEvent("{}", event), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeEvent("{\"state\": \"DREAMING\"}", event),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeFiles("[[1]]"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeMap("[1]"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(JobCodecTest, NumbersWithoutMeaningAreDataLoss) {
  const Json good = Json::parse(kDetails);
  Job job;
  ASSERT_OK(DecodeJobDetails(good.dump(), job));
  for (const int64_t outcome : {int64_t{-1}, int64_t{6}, int64_t{1} << 32}) {
    Json bad = good;
    bad["attempts"][0]["outcome"] = outcome;
    EXPECT_THAT(DecodeJobDetails(bad.dump(), job), StatusIs(absl::StatusCode::kDataLoss))
        << outcome;
  }
  // 0 is OK, which is no error; 16 is the last code that there is.
  for (const int code : {-1, 0, 17}) {
    Json bad = good;
    bad["attempts"][0]["error"]["code"] = code;
    EXPECT_THAT(DecodeJobDetails(bad.dump(), job), StatusIs(absl::StatusCode::kDataLoss)) << code;
  }
}

TEST(JobCodecTest, AFractionThatIsNoNumberIsZero) {
  JobEvent event;
  event.content = JobProgress{.stage = "plan", .fraction = std::nan("")};
  EXPECT_EQ(Json::parse(EncodeEvent(event)),
            Json::parse(R"({"progress":{"stage":"plan","step":0,"steps":0,"fraction":0}})"));
}

TEST(JobCodecTest, EventsSayTheirKind) {
  JobEvent event;
  event.content = JobState::kCancelled;
  EXPECT_EQ(EncodeEvent(event), R"({"state":"CANCELLED"})");
  event.content = LogText{"a\n\"b\""};
  EXPECT_EQ(EncodeEvent(event), R"({"log":"a\n\"b\""})");
  event.content = WarningText{"w"};
  EXPECT_EQ(EncodeEvent(event), R"({"warning":"w"})");
  const SandboxRecord sandbox{{"seccomp"}, {"landlock: none"}};
  event.content = sandbox;
  const std::string text = R"({"sandbox":{"applied":["seccomp"],"missing":["landlock: none"]}})";
  EXPECT_EQ(EncodeEvent(event), text);
  event.content = WarningText{};
  ASSERT_OK(DecodeEvent(text, event));
  EXPECT_EQ(std::get<SandboxRecord>(event.content), sandbox);
  ASSERT_OK(
      DecodeEvent(R"({"progress":{"stage":"plan","step":1,"steps":2,"fraction":0.25}})", event));
  EXPECT_EQ(std::get<JobProgress>(event.content),
            (JobProgress{.stage = "plan", .step = 1, .steps = 2, .fraction = 0.25}));
}

TEST(JobCodecTest, FilesAndMapsSurvive) {
  EXPECT_EQ(EncodeFiles({{"m", "d", 3}}), R"([["m","d",3]])");
  EXPECT_THAT(DecodeFiles(R"([["m","d",3]])"), IsOkAndHolds(ElementsAre(StoredFile{"m", "d", 3})));
  EXPECT_EQ(EncodeMap({{"k", "v"}}), R"({"k":"v"})");
  EXPECT_EQ(DecodeMap("{}").value(), (std::map<std::string, std::string>()));
}

TEST(JobCodecTest, WordsAreLines) {
  EXPECT_EQ(EncodeWords({"model:onnx", "preset:a"}), "model:onnx\npreset:a");
  EXPECT_THAT(DecodeWords("model:onnx\npreset:a"), ElementsAre("model:onnx", "preset:a"));
  EXPECT_THAT(DecodeWords(""), IsEmpty());
}

TEST(JobCodecTest, TimesKeepTheirNanosecondsAndTheInfinities) {
  EXPECT_EQ(EncodeTime(absl::FromUnixNanos(1'700'000'000'123'456'789)), 1'700'000'000'123'456'789);
  for (const absl::Time time : {absl::InfiniteFuture(), absl::InfinitePast(), absl::UnixEpoch()}) {
    EXPECT_EQ(DecodeTime(EncodeTime(time)), time);
  }
}

TEST(JobCodecTest, StatesHaveTheNamesOfTheApi) {
  EXPECT_EQ(ToText(JobState::kSucceeded), "SUCCEEDED");
  EXPECT_EQ(ParseJobState("RUNNING").value(), JobState::kRunning);
  EXPECT_THAT(ParseJobState("running").status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace quantd
