// NumPy's .npz: a zip file of .npy members, stored or deflated. Only the parts of the zip format
// that NumPy writes are read (APPNOTE.TXT sections 4.3 and 4.5.3); member names are keys, never
// paths.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"

namespace quantd {

inline constexpr int kNpzMembersMax = 4096;

// Key (member name without ".npy") -> array. INVALID_ARGUMENT with a plain message for a damaged
// archive, members that overlap, repeat or are not .npy, encryption, other compression, a checksum
// that does not match, or more than kDataArrayBytesMax bytes in all.
absl::StatusOr<std::map<std::string, Tensor>> ParseNpz(absl::string_view bytes);

}  // namespace quantd
