#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/admin/actions.h"
#include "client/cli/output.h"

namespace quantd::admin {

std::string TimeOrDash(bool set, const google::protobuf::Timestamp& time) {
  return set ? FormatTime(time) : "-";
}

absl::StatusOr<int64_t> ParseBytes(const std::string& flag, const std::string& text) {
  constexpr std::pair<absl::string_view, int> kUnits[] = {
      {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  absl::string_view digits = text;
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!absl::EndsWith(digits, unit)) continue;
    digits.remove_suffix(unit.size());
    shift = bits;
    break;
  }
  int64_t value = 0;
  if (absl::SimpleAtoi(digits, &value) && value >= 0 && value <= (INT64_MAX >> shift)) {
    return value << shift;
  }
  return InvalidFlag(flag, absl::StrCat("'", text, "' is no number of bytes; write 10GiB or 1500"));
}

absl::StatusOr<absl::Duration> ParseLongDuration(const std::string& flag, const std::string& text) {
  absl::Duration duration;
  int64_t days = 0;
  if (absl::EndsWith(text, "d") &&
      absl::SimpleAtoi(absl::string_view(text).substr(0, text.size() - 1), &days)) {
    duration = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &duration)) {
    return InvalidFlag(flag, absl::StrCat("'", text, "' is no duration; write 90s, 12h or 30d"));
  }
  if (duration >= absl::ZeroDuration() && duration < absl::InfiniteDuration()) return duration;
  return InvalidFlag(flag, "must not be negative or infinite");
}

}  // namespace quantd::admin
