// The two macros that propagate absl::Status. The system Abseil has none.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define QUANTD_CONCAT_INNER(a, b) a##b
#define QUANTD_CONCAT(a, b) QUANTD_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` is not OK.
#define RETURN_IF_ERROR(expr)                                 \
  do {                                                        \
    if (::absl::Status quantd_status = (expr); !quantd_status.ok()) return quantd_status; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, Compute()): declares or assigns `x`, or returns the error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  QUANTD_ASSIGN_OR_RETURN_IMPL(QUANTD_CONCAT(quantd_statusor_, __LINE__), lhs, expr)
#define QUANTD_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                 \
  if (!statusor.ok()) return std::move(statusor).status(); \
  lhs = *std::move(statusor)
