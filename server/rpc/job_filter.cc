#include "server/rpc/job_filter.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

constexpr size_t kFilterBytesMax = 4096;
constexpr char kAnd[] = " AND ";

absl::Status InvalidFilter(absl::string_view description) {
  return InvalidField("INVALID_FILTER", "filter",
                      absl::StrCat(description,
                                   "; write terms like state=SUCCEEDED, labels.team=vision or "
                                   "display_name=\"my job\", joined by AND"));
}

// Splits at AND outside of double quotes.
std::vector<std::string> Terms(absl::string_view filter) {
  std::vector<std::string> terms(1);
  bool quoted = false;
  for (size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] == '"') quoted = !quoted;
    if (!quoted && filter.substr(i, sizeof(kAnd) - 1) == kAnd) {
      terms.emplace_back();
      i += sizeof(kAnd) - 2;
    } else {
      terms.back() += filter[i];
    }
  }
  return terms;
}

absl::Status AddTerm(absl::string_view term, JobQuery& query) {
  const size_t equals = term.find('=');
  if (equals == absl::string_view::npos) {
    return InvalidFilter(absl::StrCat("'", term, "' has no '='"));
  }
  const absl::string_view field = absl::StripAsciiWhitespace(term.substr(0, equals));
  absl::string_view value = absl::StripAsciiWhitespace(term.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  // Half a pair would take the rest of the filter into the value.
  if (value.find('"') != absl::string_view::npos) {
    return InvalidFilter(
        absl::StrCat("'", term, "' has a double quote that is not around a value"));
  }
  absl::string_view label = field;
  if (field == "state" && !query.state) {
    const absl::StatusOr<JobState> state = ParseJobState(value);
    if (!state.ok()) return InvalidFilter(state.status().message());
    query.state = *state;
    return absl::OkStatus();
  }
  if (field == "display_name" && !query.display_name) {
    query.display_name = std::string(value);
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&label, "labels.") && !label.empty() &&
      query.labels.emplace(label, value).second) {
    return absl::OkStatus();
  }
  return InvalidFilter(
      absl::StrCat("'", field, "' is no field to filter by, or stands there twice"));
}

}  // namespace

absl::StatusOr<JobQuery> ParseJobQuery(const std::string& tenant, const std::string& filter,
                                       const std::string& order_by) {
  JobQuery query{.tenant = tenant};
  if (filter.size() > kFilterBytesMax) return InvalidFilter("it is longer than 4,096 bytes");
  if (!absl::StripAsciiWhitespace(filter).empty()) {
    for (const std::string& term : Terms(filter)) RETURN_IF_ERROR(AddTerm(term, query));
  }
  if (!order_by.empty() && order_by != "create_time" && order_by != "create_time desc") {
    return InvalidField("INVALID_ORDER", "order_by", "is 'create_time' or 'create_time desc'");
  }
  query.newest_first = order_by != "create_time";
  return query;
}

}  // namespace quantd
