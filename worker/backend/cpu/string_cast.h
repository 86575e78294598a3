// Numbers as text and back, as Cast does it.
#pragma once

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

// The shortest decimal that reads back as the same number of its type, in scientific notation where that is shorter;
// "NaN", "INF", "-INF"; "1" and "0" for bool. Errors: UNSUPPORTED_TYPE for other types than bool, whole bytes of
// integers, float and double.
absl::StatusOr<Tensor> NumbersToStrings(const Tensor& x);

// The number that all of a string spells, as double; int64 exactly when all elements are integers. Errors: BAD_VALUE
// names the element. REQUIRES: a tensor of strings.
absl::StatusOr<Tensor> StringsToNumbers(const Tensor& x);

}  // namespace quantd::cpu
