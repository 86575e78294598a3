// Mutations of ONNX files that keep the protobuf whole: random bytes rarely do, and most of them would only ever test
// the parser. Works on structure (nodes, edges, types, extents, attributes, bodies) and hands the rest to the given
// mutation of raw bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace quantd::testing {

using ByteMutator = size_t (*)(uint8_t* data, size_t size, size_t size_max);

// Changes the `size` bytes in `data`, of which `size_max` may be written, and returns the new size. The same seed makes
// the same change. Bytes that are no model are mutated raw, and now and then replaced by a small model.
size_t MutateModel(uint8_t* data, size_t size, size_t size_max, uint32_t seed, ByteMutator mutate_bytes);

// Writes the first model with the nodes and initializers of the second beside its own, and some edges crossed. Returns
// the size; 0, and nothing written, when they are no models or the result does not fit.
size_t CrossModels(absl::string_view first, absl::string_view second, uint8_t* out, size_t size_max,
                   uint32_t seed);

}  // namespace quantd::testing
