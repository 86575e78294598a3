// What coding weights and activations have in common.
#pragma once

#include <memory>

#include "absl/types/span.h"
#include "worker/formats/int_format.h"
#include "worker/methods/range_method.h"
#include "worker/methods/recipe.h"
#include "worker/quantize/qdq_builder.h"

namespace quantd {

// REQUIRES: CheckRecipe() has passed the component.
std::unique_ptr<RangeMethod> MakeRangeMethod(const Component& component);

// The type that codes are made in: bytes for packed types, which Stored() packs, else the type itself.
DataType CodingType(DataType storage);
Tensor Stored(Tensor codes, DataType storage);

// Writes one code into a tensor of a coding type.
void SetCode(Tensor& codes, int64_t index, int32_t code);

// REQUIRES: a storage type that is not packed.
AffineCode ScalarCode(const IntFormat& format, const QuantParams& params);

}  // namespace quantd
