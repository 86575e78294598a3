// Rows out of an array whose first axis numbers them.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/data/array_file.h"
#include "worker/io/data/data_spec.h"
#include "worker/io/data/row_source.h"

namespace quantd {

// Rows that fit the input (with a channel axis of extent 1 put in where the model wants rank 4 and
// the rows are [H,W]) are normalized and converted to the input's type. Per-channel mean and std go
// along axis 1 of the batch, or along the last for NHWC.
//
// uint8 rows of shape [H,W], [3,H,W], [1,H,W], [H,W,3] or [H,W,1] that do not fit, or for which
// resizing, cropping or a channel order is asked, are taken as images (preprocess.h). Where the
// channels may be first or last, the reading that fits the input counts, channels first if both do.
//
// Every row is converted once here, so that a bad one is found before the job runs.
//
// Errors: EMPTY_DATA, INPUT_SHAPE_MISMATCH, NOT_FINITE, BAD_DATA (a number that the input's integer
// type
//         cannot hold), BAD_PREPROCESSING.
absl::StatusOr<std::unique_ptr<RowSource>> MakeArraySource(NamedArray array, const ValueInfo& input,
                                                           const Preprocessing& preprocessing);

}  // namespace quantd
