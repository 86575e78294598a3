#include "client/cli/job_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "client/cli/report_view.h"
#include "client/cli/values.h"

namespace quantd {
namespace {

void Field(const std::string& name, const std::string& value, std::ostream& out) {
  if (!value.empty()) out << absl::StrFormat("%-14s%s\n", name + ":", value);
}

std::string FilesCell(const google::protobuf::RepeatedPtrField<v1::FileRef>& files) {
  int64_t bytes = 0;
  for (const v1::FileRef& file : files) bytes += file.size_bytes();
  const std::string what =
      files.size() == 1 ? Printable(files[0].name()) : absl::StrCat(files.size(), " files");
  return absl::StrCat(what, ", ", FormatBytes(bytes));
}

std::string RecipeCell(const v1::Recipe& recipe) {
  std::string text = recipe.preset().empty() ? "composed" : Printable(recipe.preset());
  if (recipe.rules_size() > 0) absl::StrAppend(&text, ", ", recipe.rules_size(), " layer rules");
  return text;
}

void PrintSpec(const v1::JobSpec& spec, std::ostream& out) {
  Field("model", FilesCell(spec.model().files()), out);
  Field("data", FilesCell(spec.data().files()), out);
  if (spec.has_evaluation_data())
    Field("evaluation", FilesCell(spec.evaluation_data().files()), out);
  Field("recipe", RecipeCell(spec.recipe()), out);
  for (const v1::Gate& gate : spec.gates()) Field("gate", FormatGateMessage(gate), out);
}

void PrintTimes(const v1::Job& job, absl::Time now, std::ostream& out) {
  Field("created",
        absl::StrCat(FormatTime(job.create_time()), " (",
                     FormatSpan(now - ToTime(job.create_time())), " ago)"),
        out);
  if (job.has_start_time()) Field("started", FormatTime(job.start_time()), out);
  if (job.has_end_time()) {
    const auto& from = job.has_start_time() ? job.start_time() : job.create_time();
    Field("ended",
          absl::StrCat(FormatTime(job.end_time()), " (took ",
                       FormatSpan(ToTime(job.end_time()) - ToTime(from)), ")"),
          out);
  }
}

void PrintAttempts(const v1::Job& job, std::ostream& out) {
  if (job.attempts_size() == 0) return;
  out << "\n";
  Table table({"ATTEMPT", "WORKER", "STARTED", "TOOK", "OUTCOME", "REASON"});
  for (const v1::Attempt& attempt : job.attempts()) {
    table.Add({absl::StrCat(attempt.number()), Printable(attempt.worker()),
               FormatTime(attempt.start_time()),
               attempt.has_end_time()
                   ? FormatSpan(ToTime(attempt.end_time()) - ToTime(attempt.start_time()))
                   : "-",
               attempt.outcome().empty() ? "running" : attempt.outcome(),
               Printable(attempt.error().message())});
  }
  table.Print(out);
  for (const v1::Attempt& attempt : job.attempts()) {
    if (attempt.sandbox().missing().empty()) continue;
    out << "attempt " << attempt.number() << " ran with less than the whole sandbox: "
        << Printable(absl::StrJoin(attempt.sandbox().missing(), "; ")) << "\n";
  }
}

}  // namespace

void PrintJob(const v1::Job& job, absl::Time now, std::ostream& out) {
  Field("name", job.name(), out);
  Field("display name", Printable(job.display_name()), out);
  for (const auto& [key, value] : job.labels())
    Field("label", absl::StrCat(key, "=", Printable(value)), out);
  Field("state", v1::Job::State_Name(job.state()), out);
  for (const std::string& condition : job.conditions())
    Field("waits for", ExplainCondition(condition), out);
  if (job.state() == v1::Job::RUNNING) {
    const v1::Progress& progress = job.progress();
    Field("progress",
          absl::StrFormat(
              "%.0f%%, %s %d/%d%s", 100 * progress.fraction(), Printable(progress.stage()),
              progress.step(), progress.steps(),
              progress.has_eta() ? ", ETA " + FormatSpan(ToDuration(progress.eta())) : ""),
          out);
  }
  PrintTimes(job, now, out);
  if (job.has_spec()) PrintSpec(job.spec(), out);
  Field("artifact", job.result().artifact(), out);
  Field("etag", job.etag(), out);
  PrintAttempts(job, out);
  if (job.state() == v1::Job::QUEUED || job.state() == v1::Job::RUNNING) return;
  out << "\n";
  PrintOutcome(job, out);
}

}  // namespace quantd
