#include "server/core/job_codec.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

using Json = nlohmann::json;

constexpr const char* kStates[] = {"QUEUED", "RUNNING",   "SUCCEEDED",
                                   "FAILED", "CANCELLED", "DEAD_LETTERED"};
constexpr const char* kOutcomes[] = {
    "", "SUCCEEDED", "FAILED", "LEASE_EXPIRED", "HANDED_BACK", "CANCELLED"};

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Well-formed JSON that says something impossible. Never leaves Decode().
struct ImpossibleRecord {
  std::string what;
};

// Runs `read` on the parsed text; exceptions, the library's and ours, mean that somebody else wrote
// into the database.
template <typename Read>
absl::Status Decode(absl::string_view text, const Read& read) {
  try {
    read(Json::parse(text.begin(), text.end()));
    return absl::OkStatus();
  } catch (const Json::exception& error) {
    return absl::DataLossError(absl::StrCat("a stored record is damaged: ", error.what()));
  } catch (const ImpossibleRecord& error) {
    return absl::DataLossError(absl::StrCat("a stored record is damaged: ", error.what));
  }
}

// The integer `json`, from `first` to `last`.
int IntFromJson(const Json& json, absl::string_view field, int first, int last) {
  const int64_t value = json.get<int64_t>();
  if (value < first || value > last) {
    throw ImpossibleRecord{absl::StrCat(field, " ", value, " is not in ", first, "..", last)};
  }
  return static_cast<int>(value);
}

Json ToJson(const absl::Status& status) {
  if (status.ok()) return nullptr;
  const ErrorDetails details = GetErrorDetails(status);
  Json json = {{"code", static_cast<int>(status.code())},
               {"message", std::string(status.message())},
               {"reason", details.reason},
               {"metadata", details.metadata},
               {"violations", Json::array()}};
  for (const FieldViolation& violation : details.violations) {
    json["violations"].push_back({violation.field, violation.description});
  }
  for (const QuotaViolation& quota : details.quotas) {
    json["quotas"].push_back({quota.subject, quota.description});
  }
  if (details.retry_after) json["retry_after_ns"] = absl::ToInt64Nanoseconds(*details.retry_after);
  return json;
}

absl::Status StatusFromJson(const Json& json) {
  if (json.is_null()) return absl::OkStatus();
  ErrorDetails details{.reason = json.at("reason"), .metadata = json.at("metadata")};
  for (const Json& violation : json.at("violations")) {
    details.violations.push_back({violation.at(0), violation.at(1)});
  }
  for (const Json& quota : json.value("quotas", Json::array())) {
    details.quotas.push_back({quota.at(0), quota.at(1)});
  }
  if (json.contains("retry_after_ns")) {
    details.retry_after = absl::Nanoseconds(json["retry_after_ns"].get<int64_t>());
  }
  constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);
  const auto code =
      static_cast<absl::StatusCode>(IntFromJson(json.at("code"), "code", 1, kLastCode));
  const std::string message = json.at("message");
  if (details == ErrorDetails()) return absl::Status(code, message);
  return MakeError(code, message, details);
}

Json ToJson(const std::optional<absl::Time>& time) {
  return time ? Json(EncodeTime(*time)) : Json(nullptr);
}

std::optional<absl::Time> TimeFromJson(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return DecodeTime(json.get<int64_t>());
}

Json ToJson(const JobProgress& progress) {
  Json json = {{"stage", progress.stage},
               {"step", progress.step},
               {"steps", progress.steps},
               // JSON has no NaN: 0 / 0 from a worker would make the job unreadable.
               {"fraction", std::isfinite(progress.fraction) ? progress.fraction : 0}};
  if (progress.eta) json["eta_ns"] = absl::ToInt64Nanoseconds(*progress.eta);
  return json;
}

JobProgress ProgressFromJson(const Json& json) {
  JobProgress progress{.stage = json.at("stage"),
                       .step = json.at("step"),
                       .steps = json.at("steps"),
                       .fraction = json.at("fraction")};
  if (json.contains("eta_ns")) progress.eta = absl::Nanoseconds(json["eta_ns"].get<int64_t>());
  return progress;
}

Json ToJson(const SandboxRecord& sandbox) {
  return {{"applied", sandbox.applied}, {"missing", sandbox.missing}};
}

SandboxRecord SandboxFromJson(const Json& json) {
  return {.applied = json.at("applied"), .missing = json.at("missing")};
}

Json ToJson(const Attempt& attempt) {
  Json json = {{"number", attempt.number},
               {"worker", attempt.worker},
               {"start", EncodeTime(attempt.start_time)},
               {"end", ToJson(attempt.end_time)},
               {"outcome", static_cast<int>(attempt.outcome)},
               {"error", ToJson(attempt.error)}};
  if (attempt.sandbox) json["sandbox"] = ToJson(*attempt.sandbox);
  return json;
}

Attempt AttemptFromJson(const Json& json) {
  // Attempts of earlier versions have no sandbox.
  std::optional<SandboxRecord> sandbox;
  if (json.contains("sandbox")) sandbox = SandboxFromJson(json["sandbox"]);
  return {.number = json.at("number"),
          .worker = json.at("worker"),
          .start_time = DecodeTime(json.at("start")),
          .end_time = TimeFromJson(json.at("end")),
          .outcome = static_cast<AttemptOutcome>(IntFromJson(
              json.at("outcome"), "outcome", 0, static_cast<int>(std::size(kOutcomes)) - 1)),
          .error = StatusFromJson(json.at("error")),
          .sandbox = std::move(sandbox)};
}

}  // namespace

absl::string_view ToText(JobState state) { return kStates[static_cast<int>(state)]; }

absl::StatusOr<JobState> ParseJobState(absl::string_view text) {
  for (size_t i = 0; i < std::size(kStates); ++i) {
    if (text == kStates[i]) return static_cast<JobState>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no state of a job; there are ", absl::StrJoin(kStates, ", ")));
}

absl::string_view ToText(AttemptOutcome outcome) { return kOutcomes[static_cast<int>(outcome)]; }

std::string EncodeJobDetails(const Job& job) {
  Json json = {{"attempts", Json::array()},       {"progress", ToJson(job.progress)},
               {"error", ToJson(job.error)},      {"artifact", job.artifact},
               {"cached_from", job.cached_from},  {"lease_worker", job.lease.worker},
               {"start", ToJson(job.start_time)}, {"end", ToJson(job.end_time)}};
  for (const Attempt& attempt : job.attempts) json["attempts"].push_back(ToJson(attempt));
  if (job.attempts_before_redrive > 0) json["before_redrive"] = job.attempts_before_redrive;
  return Dump(json);
}

absl::Status DecodeJobDetails(absl::string_view text, Job& job) {
  return Decode(text, [&](const Json& json) {
    job.attempts.clear();
    for (const Json& attempt : json.at("attempts"))
      job.attempts.push_back(AttemptFromJson(attempt));
    job.attempts_before_redrive =
        static_cast<size_t>(IntFromJson(json.value("before_redrive", Json(0)), "before_redrive", 0,
                                        std::numeric_limits<int>::max()));
    job.progress = ProgressFromJson(json.at("progress"));
    job.error = StatusFromJson(json.at("error"));
    job.artifact = json.at("artifact");
    job.cached_from = json.at("cached_from");
    job.lease.worker = json.at("lease_worker");
    job.start_time = TimeFromJson(json.at("start"));
    job.end_time = TimeFromJson(json.at("end"));
  });
}

std::string EncodeEvent(const JobEvent& event) {
  struct Visitor {
    Json operator()(JobState state) const { return {{"state", std::string(ToText(state))}}; }
    Json operator()(const JobProgress& progress) const { return {{"progress", ToJson(progress)}}; }
    Json operator()(const LogText& log) const { return {{"log", log.text}}; }
    Json operator()(const WarningText& warning) const { return {{"warning", warning.text}}; }
    Json operator()(const SandboxRecord& sandbox) const { return {{"sandbox", ToJson(sandbox)}}; }
  };
  return Dump(std::visit(Visitor(), event.content));
}

absl::Status DecodeEvent(absl::string_view text, JobEvent& event) {
  return Decode(text, [&](const Json& json) {
    if (json.contains("state")) {
      const absl::StatusOr<JobState> state = ParseJobState(json["state"].get<std::string>());
      if (!state.ok()) throw ImpossibleRecord{std::string(state.status().message())};
      event.content = *state;
    } else if (json.contains("progress")) {
      event.content = ProgressFromJson(json["progress"]);
    } else if (json.contains("log")) {
      event.content = LogText{json["log"]};
    } else if (json.contains("sandbox")) {
      event.content = SandboxFromJson(json["sandbox"]);
    } else {
      event.content = WarningText{json.at("warning")};
    }
  });
}

std::string EncodeFiles(const std::vector<StoredFile>& files) {
  Json json = Json::array();
  for (const StoredFile& file : files) json.push_back({file.name, file.digest, file.size_bytes});
  return Dump(json);
}

absl::StatusOr<std::vector<StoredFile>> DecodeFiles(absl::string_view text) {
  std::vector<StoredFile> files;
  RETURN_IF_ERROR(Decode(text, [&](const Json& json) {
    for (const Json& file : json) {
      files.push_back({.name = file.at(0), .digest = file.at(1), .size_bytes = file.at(2)});
    }
  }));
  return files;
}

std::string EncodeMap(const std::map<std::string, std::string>& map) { return Dump(Json(map)); }

absl::StatusOr<std::map<std::string, std::string>> DecodeMap(absl::string_view text) {
  std::map<std::string, std::string> map;
  RETURN_IF_ERROR(Decode(text, [&](const Json& json) { json.get_to(map); }));
  return map;
}

std::string EncodeWords(const std::vector<std::string>& words) {
  return absl::StrJoin(words, "\n");
}

std::vector<std::string> DecodeWords(absl::string_view text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

int64_t EncodeTime(absl::Time time) {
  if (time == absl::InfiniteFuture()) return std::numeric_limits<int64_t>::max();
  if (time == absl::InfinitePast()) return std::numeric_limits<int64_t>::min();
  return absl::ToUnixNanos(time);
}

absl::Time DecodeTime(int64_t nanoseconds) {
  if (nanoseconds == std::numeric_limits<int64_t>::max()) return absl::InfiniteFuture();
  if (nanoseconds == std::numeric_limits<int64_t>::min()) return absl::InfinitePast();
  return absl::FromUnixNanos(nanoseconds);
}

}  // namespace quantd
