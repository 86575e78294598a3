// A job's events as they come: a bar that redraws itself on a terminal, plain lines elsewhere. Not
// thread-safe.
#pragma once

#include <ostream>
#include <string>

#include "quantd/v1/job.pb.h"

namespace quantd {

class ProgressView {
 public:
  // `live`: `out` is a terminal. `logs`: show the job's own output too.
  ProgressView(std::ostream& out, bool live, bool logs) : out_(out), live_(live), logs_(logs) {}
  // Leaves the cursor at the start of a line.
  ~ProgressView() { EndBar(); }

  void Show(const v1::JobEvent& event);

  // Why a queued job waits, in words.
  void ShowConditions(const v1::Job& job);

 private:
  void ShowProgress(const v1::JobEvent& event);
  void Line(const v1::JobEvent& event, const std::string& text);
  void DrawBar(const std::string& text);
  void EndBar();

  std::ostream& out_;
  const bool live_;
  const bool logs_;
  std::string state_ = "QUEUED";
  std::string stage_;       // Of the last line or bar.
  double fraction_ = -1;    // Of the last plain line.
  size_t bar_columns_ = 0;  // Of the bar on the terminal; 0: there is none.
};

// What a condition means, for people; the condition itself when it is unknown.
std::string ExplainCondition(const std::string& condition);

}  // namespace quantd
