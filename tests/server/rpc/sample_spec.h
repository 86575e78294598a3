// A spec without a fault and the catalogue of a worker that can do it.
#pragma once

#include <string>

#include "quantd/v1/quality.pb.h"
#include "quantd/v1/spec.pb.h"
#include "server/core/blob_store.h"

namespace quantd::testing {

// The bytes of the sample's files.
inline constexpr char kModelBytes[] = "model bytes";
inline constexpr char kDataBytes[] = "data";

v1::FileRef FileOf(const std::string& name, const std::string& bytes);

// One model file, one labelled data file, preset "w8a8-mse", a gate on "top1_agreement".
v1::JobSpec SampleSpec();

// Presets "w8a8-mse" and "w8a8-minmax"; range "mse" with a number and an integer parameter; format
// "onnx", export "onnx_qdq"; metrics "top1_agreement", "kl" and "accuracy", which needs labels.
v1::Catalogue SampleCatalogue();

// Stores `bytes`; returns their digest.
std::string PutBlob(BlobStore& blobs, const std::string& bytes);

// The files of SampleSpec().
void PutSampleBlobs(BlobStore& blobs);

}  // namespace quantd::testing
