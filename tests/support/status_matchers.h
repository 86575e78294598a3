// GoogleMock matchers for absl::Status and absl::StatusOr. The system Abseil has none.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/error.h"

namespace quantd::testing {

inline const absl::Status& ToStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << ToStatus(arg).ToString();
  return ToStatus(arg).ok();
}

MATCHER_P(StatusIs, code, std::string("has code ") + absl::StatusCodeToString(code)) {
  *result_listener << ToStatus(arg).ToString();
  return ToStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message,
           std::string("has code ") + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message)) {
  *result_listener << ToStatus(arg).ToString();
  return ToStatus(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(ToStatus(arg).message()),
                                       result_listener);
}

// The stable reason of a user-visible error.
MATCHER_P(HasReason, reason, std::string("has reason ") + ::testing::PrintToString(reason)) {
  const ErrorDetails details = GetErrorDetails(ToStatus(arg));
  *result_listener << ToStatus(arg).ToString() << " with reason " << details.reason;
  return details.reason == reason;
}

// The error names this field.
MATCHER_P(NamesField, field, std::string("names field ") + ::testing::PrintToString(field)) {
  for (const FieldViolation& violation : GetErrorDetails(ToStatus(arg)).violations) {
    if (violation.field == field) return true;
  }
  *result_listener << ToStatus(arg).ToString();
  return false;
}

template <typename Inner>
class IsOkAndHoldsMatcher {
 public:
  explicit IsOkAndHoldsMatcher(Inner inner) : inner_(std::move(inner)) {}

  template <typename StatusOrT>
  operator ::testing::Matcher<StatusOrT>() const {  // NOLINT: implicit by GoogleMock's design.
    return ::testing::Matcher<StatusOrT>(new Impl<const StatusOrT&>(inner_));
  }

 private:
  template <typename StatusOrRef>
  class Impl : public ::testing::MatcherInterface<StatusOrRef> {
   public:
    using Value = typename std::decay_t<StatusOrRef>::value_type;
    explicit Impl(const Inner& inner) : inner_(::testing::SafeMatcherCast<const Value&>(inner)) {}
    void DescribeTo(std::ostream* os) const override {
      *os << "is OK and holds a value that ";
      inner_.DescribeTo(os);
    }
    bool MatchAndExplain(StatusOrRef actual,
                         ::testing::MatchResultListener* listener) const override {
      if (!actual.ok()) {
        *listener << actual.status().ToString();
        return false;
      }
      return inner_.MatchAndExplain(*actual, listener);
    }

   private:
    ::testing::Matcher<const Value&> inner_;
  };
  Inner inner_;
};

template <typename Inner>
IsOkAndHoldsMatcher<std::decay_t<Inner>> IsOkAndHolds(Inner&& inner) {
  return IsOkAndHoldsMatcher<std::decay_t<Inner>>(std::forward<Inner>(inner));
}

}  // namespace quantd::testing

#define EXPECT_OK(expr) EXPECT_THAT(expr, ::quantd::testing::IsOk())
#define ASSERT_OK(expr) ASSERT_THAT(expr, ::quantd::testing::IsOk())

// ASSERT_OK_AND_ASSIGN(auto x, Compute()): in tests, the twin of ASSIGN_OR_RETURN.
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  QUANTD_ASSERT_OK_AND_ASSIGN_IMPL(QUANTD_TEST_CONCAT(test_statusor_, __LINE__), lhs, expr)
#define QUANTD_TEST_CONCAT_INNER(a, b) a##b
#define QUANTD_TEST_CONCAT(a, b) QUANTD_TEST_CONCAT_INNER(a, b)
#define QUANTD_ASSERT_OK_AND_ASSIGN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                     \
  ASSERT_OK(statusor);                                        \
  lhs = *std::move(statusor)
