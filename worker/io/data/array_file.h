// Any array file, read whole: the one place that maps a file's name or first bytes to its reader.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"
#include "worker/io/data/data_spec.h"

namespace quantd {

struct NamedArray {
  std::string file;  // Name in the manifest.
  std::string key;   // Of the .npz member, or the TensorProto's own name; may be empty.
  Tensor tensor;     // In the file's own element type.

  // What a binding calls it: the key inside an .npz, else the file.
  std::string label;
};

// By extension (.npy, .npz, .pb, .idx, .jpg ...; "-idx3-ubyte" with or without .gz), else kAuto.
DataFormat FormatOfName(absl::string_view file);

// The arrays of one file: one, or the members of an .npz in the order of their keys. With kAuto the
// name decides, then the first bytes.
//
// Errors: INVALID_ARGUMENT  BAD_DATA, field data.files[<file>].
//         Those of ReadFile, annotated with the name.
absl::StatusOr<std::vector<NamedArray>> ReadArrayFile(const std::string& file,
                                                      const std::string& path, DataFormat format);

}  // namespace quantd
