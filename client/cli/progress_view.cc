#include "client/cli/progress_view.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/output.h"

namespace quantd {
namespace {

constexpr int kBarCells = 24;
// Plain lines go to logs that people scroll through: a line per stage and per twentieth of the job
// is enough.
constexpr double kFractionPerLine = 0.05;

std::string Steps(const v1::Progress& progress) {
  if (progress.steps() > 0)
    return absl::StrCat(progress.stage(), " ", progress.step(), "/", progress.steps());
  return progress.stage();
}

std::string Eta(const v1::Progress& progress) {
  return progress.has_eta() ? absl::StrCat("  ETA ", FormatSpan(ToDuration(progress.eta()))) : "";
}

int Percent(double fraction) {
  return std::isfinite(fraction) ? static_cast<int>(100 * std::clamp(fraction, 0.0, 1.0)) : 0;
}

}  // namespace

std::string ExplainCondition(const std::string& condition) {
  if (condition == "NO_WORKER_YET")
    return "NO_WORKER_YET: no worker has announced itself; start one with quantd-worker";
  return Printable(condition);
}

void ProgressView::Show(const v1::JobEvent& event) {
  switch (event.event_case()) {
    case v1::JobEvent::kState:
      state_ = v1::Job::State_Name(event.state());
      EndBar();
      stage_.clear();
      Line(event, state_);
      break;
    case v1::JobEvent::kProgress:
      ShowProgress(event);
      break;
    case v1::JobEvent::kWarning:
      EndBar();
      Line(event, absl::StrCat("warning: ", Printable(event.warning())));
      break;
    case v1::JobEvent::kSandbox:
      if (event.sandbox().missing().empty()) break;
      EndBar();
      Line(event, absl::StrCat("warning: the job runs with less than the whole sandbox: ",
                               Printable(absl::StrJoin(event.sandbox().missing(), "; "))));
      break;
    case v1::JobEvent::kLog:
      if (!logs_) break;
      EndBar();
      for (absl::string_view line : absl::StrSplit(event.log().text(), '\n', absl::SkipEmpty())) {
        out_ << "  | " << Printable(line) << "\n";
      }
      break;
    default:
      break;
  }
  out_.flush();
}

void ProgressView::ShowConditions(const v1::Job& job) {
  if (job.state() != v1::Job::QUEUED) return;
  EndBar();
  for (const std::string& condition : job.conditions()) {
    out_ << "waiting: " << ExplainCondition(condition) << "\n";
  }
}

void ProgressView::ShowProgress(const v1::JobEvent& event) {
  const v1::Progress& progress = event.progress();
  const int percent = Percent(progress.fraction());
  if (live_) {
    const int full = percent * kBarCells / 100;
    DrawBar(absl::StrFormat("[%s%s] %3d%%  %s%s  %s", std::string(static_cast<size_t>(full), '#'),
                            std::string(static_cast<size_t>(kBarCells - full), '.'), percent,
                            Printable(Steps(progress)), Eta(progress), state_));
    return;
  }
  const bool new_stage = progress.stage() != stage_;
  const bool advanced = progress.fraction() >= fraction_ + kFractionPerLine;
  if (!new_stage && !advanced) return;
  stage_ = progress.stage();
  fraction_ = progress.fraction();
  Line(event, absl::StrFormat("%3d%%  %s%s", percent, Printable(Steps(progress)), Eta(progress)));
}

void ProgressView::Line(const v1::JobEvent& event, const std::string& text) {
  out_ << absl::FormatTime("%H:%M:%S", ToTime(event.time()), absl::UTCTimeZone()) << "  " << text
       << "\n";
}

void ProgressView::DrawBar(const std::string& text) {
  const std::string padding(bar_columns_ > text.size() ? bar_columns_ - text.size() : 0, ' ');
  out_ << "\r" << text << padding;
  bar_columns_ = text.size();
}

void ProgressView::EndBar() {
  if (bar_columns_ == 0) return;
  out_ << "\n";
  out_.flush();
  bar_columns_ = 0;
}

}  // namespace quantd
