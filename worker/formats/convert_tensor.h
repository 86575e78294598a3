// Tensors of the types that C++ lacks, from and to types that it has.
#pragma once

#include "absl/status/statusor.h"
#include "worker/formats/minifloat.h"
#include "worker/graph/tensor.h"

namespace quantd {

// The values as float32, shaped as before. Exact for every minifloat (float16, bfloat16, float8, float4), for integers of up
// to 16 bits and for bool; wider integers and doubles are rounded. float tensors are returned as they are.
// Errors: INVALID_ARGUMENT, reason UNSUPPORTED_TYPE, for other types.
absl::StatusOr<Tensor> ToFloat32(const Tensor& x);

// float32 values as a minifloat type. Errors: UNSUPPORTED_TYPE when `x` is not float or `to` is no minifloat.
absl::StatusOr<Tensor> FromFloat32(const Tensor& x, DataType to, Overflow overflow);

// Packed integers (int4, uint4, int2, uint2) as int8 or uint8 by their sign, one a byte. REQUIRES: such a type.
Tensor UnpackIntegers(const Tensor& x);

// int8 or uint8 tensors as a packed type of the same sign, keeping the low bits of each. REQUIRES: such types.
Tensor PackIntegers(const Tensor& x, DataType to);

}  // namespace quantd
