// NumPy's .npy, versions 1 to 3 (numpy.lib.format): magic, version, header length, a Python
// dictionary literal with exactly the keys descr, fortran_order and shape, then the elements.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"

namespace quantd {

// Reads f2 f4 f8, u1 u2 u4 u8, i1 i2 i4 i8 and b1 in either byte order; Fortran order is transposed
// into row-major. INVALID_ARGUMENT with a plain message for anything else: other types, records,
// objects, a header that is not exactly such a dictionary, missing bytes or bytes after the end.
absl::StatusOr<Tensor> ParseNpy(absl::string_view bytes);

}  // namespace quantd
