// What the stages import and plan do with the bytes of a model, without data and without a recipe's rules.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd::testing {

// Reads `bytes` as an ONNX model without external files, prepares it, compiles it and plans its layers.
absl::Status ImportAndPlan(absl::string_view bytes);

// Whether it is OK or an error as a model may cause one: with a reason, and a code that blames the model, not us.
bool IsTypedOrOk(const absl::Status& status);

}  // namespace quantd::testing
