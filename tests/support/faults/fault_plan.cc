#include "tests/support/faults/fault_plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quantd::testing {

absl::string_view ToText(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kIoError:
      return "I/O error";
    case Fault::kDiskFull:
      return "disk full";
    case Fault::kQuotaExceeded:
      return "quota exceeded";
    case Fault::kShortWrite:
      return "short write";
    case Fault::kLostSync:
      return "lost sync";
    case Fault::kCrashBefore:
      return "crash before";
    case Fault::kCrashAfter:
      return "crash after";
    case Fault::kErrorAfter:
      return "error at commit";
    case Fault::kUnknownOutcome:
      return "unknown outcome";
  }
  return "?";
}

void FaultPlan::Add(const FaultRule& rule) {
  const std::lock_guard lock(mutex_);
  active_.push_back({.rule = rule});
}

void FaultPlan::Heal() {
  const std::lock_guard lock(mutex_);
  active_.clear();
}

Fault FaultPlan::Next(absl::string_view operation, absl::string_view target) {
  const std::lock_guard lock(mutex_);
  const bool is_read = operation == kReadOperation;
  const int64_t number = changes_;
  if (!is_read) ++changes_;
  Fault fault = Fault::kNone;
  for (Active& active : active_) {
    const FaultRule& rule = active.rule;
    if (rule.operation.empty() ? is_read : rule.operation != operation) continue;
    const int64_t seen = active.seen++;
    if (fault == Fault::kNone && seen >= rule.from && seen - rule.from < rule.count) {
      fault = rule.fault;
    }
  }
  if (fault != Fault::kNone) {
    log_.push_back(
        absl::StrCat(operation, " of ", target, " (operation ", number, "): ", ToText(fault)));
  }
  return fault;
}

int64_t FaultPlan::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

std::string FaultPlan::Log() const {
  const std::lock_guard lock(mutex_);
  return absl::StrJoin(log_, "; ");
}

uint64_t FaultPlan::Choose(uint64_t n) {
  const std::lock_guard lock(mutex_);
  return random_.Below(n);
}

}  // namespace quantd::testing
