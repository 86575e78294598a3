#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/rpc/spec_check.h"

namespace quantd {
namespace {

constexpr size_t kToldMax = 100;

}  // namespace

void SpecProblems::Add(absl::string_view reason, std::string field, std::string description) {
  if (violations_.empty()) reason_ = std::string(reason);
  violations_.push_back({std::move(field), std::move(description)});
}

void SpecProblems::Add(const absl::Status& status) {
  const ErrorDetails details = GetErrorDetails(status);
  for (const FieldViolation& violation : details.violations) {
    Add(details.reason, violation.field, violation.description);
  }
}

absl::Status SpecProblems::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  std::vector<FieldViolation> told = violations_;
  if (told.size() > kToldMax) {
    told.resize(kToldMax);
    told.push_back({"spec", absl::StrCat("and ", violations_.size() - kToldMax, " more problems")});
  }
  return InvalidFields(reason_, told);
}

}  // namespace quantd
