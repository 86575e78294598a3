// Integers of 2 and 4 bits as ONNX packs them: the first element in the lowest bits of the first byte, unused bits at
// the end 0.
#pragma once

#include <cstdint>

#include "worker/graph/tensor.h"

namespace quantd {

// Codes [begin, begin + count) of packed bytes, one a byte: signed types sign-extended, unsigned ones and the codes of
// float4e2m1 as they are. REQUIRES: IsPacked(type).
void UnpackCodes(DataType type, const void* bytes, int64_t begin, int64_t count, int8_t* codes);

// The reverse, from the first byte on; BytesFor(type, count) bytes are written. Bits of a code that the type lacks are
// dropped. REQUIRES: IsPacked(type).
void PackCodes(DataType type, const int8_t* codes, int64_t count, void* bytes);

}  // namespace quantd
