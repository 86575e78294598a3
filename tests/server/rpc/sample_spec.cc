#include "tests/server/rpc/sample_spec.h"

#include <google/protobuf/text_format.h>

#include "common/check.h"
#include "common/digest.h"

namespace quantd::testing {
namespace {

constexpr char kCatalogue[] = R"pb(
  engine_version: "1.0.0"
  methods {
    id: "mse"
    axis: "range"
    parameters { name: "norm" type: "number" minimum: 1 maximum: 4 }
    parameters { name: "steps" type: "integer" minimum: 10 maximum: 1000 }
    parameters { name: "mode" type: "text" }
    parameters { name: "symmetric" type: "flag" }
  }
  methods { id: "minmax" axis: "range" summary: "The observed range." }
  methods { id: "int8" axis: "format" }
  methods { id: "bias_correction" axis: "compensation" }
  presets { id: "w8a8-mse" summary: "Ranges by error." }
  presets { id: "w8a8-minmax" }
  devices: "cpu"
  model_formats: "onnx"
  export_formats: "onnx_qdq"
  metrics { id: "top1_agreement" unit: "fraction" }
  metrics { id: "kl" unit: "nat" }
  metrics { id: "accuracy" unit: "fraction" needs_labels: true }
)pb";

}  // namespace

v1::FileRef FileOf(const std::string& name, const std::string& bytes) {
  v1::FileRef file;
  file.set_name(name);
  file.set_digest(Sha256Hex(bytes));
  file.set_size_bytes(static_cast<int64_t>(bytes.size()));
  return file;
}

v1::JobSpec SampleSpec() {
  v1::JobSpec spec;
  *spec.mutable_model()->add_files() = FileOf("model.onnx", kModelBytes);
  *spec.mutable_data()->add_files() = FileOf("images.npy", kDataBytes);
  spec.mutable_data()->mutable_labels()->set_folder_name(true);
  spec.mutable_recipe()->set_preset("w8a8-mse");
  v1::Gate& gate = *spec.add_gates();
  gate.set_metric("top1_agreement");
  gate.set_statistic(v1::Gate::LOWER);
  gate.set_comparison(v1::Gate::AT_LEAST);
  gate.set_threshold(0.98);
  return spec;
}

v1::Catalogue SampleCatalogue() {
  v1::Catalogue catalogue;
  QUANTD_CHECK(google::protobuf::TextFormat::ParseFromString(kCatalogue, &catalogue));
  return catalogue;
}

std::string PutBlob(BlobStore& blobs, const std::string& bytes) {
  const std::string digest = Sha256Hex(bytes);
  auto writer = blobs.OpenUpload("put", digest, static_cast<int64_t>(bytes.size()));
  QUANTD_CHECK(writer.ok());
  const auto kept = static_cast<size_t>((*writer)->committed());
  QUANTD_CHECK((*writer)->Append((*writer)->committed(), bytes.substr(kept)).ok());
  QUANTD_CHECK((*writer)->Finish().ok());
  return digest;
}

void PutSampleBlobs(BlobStore& blobs) {
  PutBlob(blobs, kModelBytes);
  PutBlob(blobs, kDataBytes);
}

}  // namespace quantd::testing
