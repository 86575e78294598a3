// Arrays: NumPy's .npy and .npz, IDX plain and in gzip, and ONNX tensors. All valid files hold the
// same values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/hostile/reader.h"

namespace quantd::hostile {

inline constexpr int64_t kRows = 4;
inline constexpr int64_t kRowElements = 3 * 8 * 8;
inline constexpr int64_t kElements = kRows * kRowElements;

// kElements numbers, and their bytes as they lie in memory.
std::vector<float> Values();
std::string Floats();

// Reads rows of [3,8,8]; has the common rows and `rows`.
Reader ArrayReader(const std::string& name, const std::string& file, const std::string& valid,
                   const std::string& flips_valid_because, std::vector<Row> rows);

// Serialized onnx.TensorProto; tensor_rows.cc.
Reader TensorReader();

}  // namespace quantd::hostile
