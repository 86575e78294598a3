#include "tests/worker/job/job_bench.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "common/random.h"
#include "google/rpc/status.pb.h"
#include "proto/wire/status_proto.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/io/onnx/writer.h"
#include "worker/job/job_runner.h"

namespace quantd::testing {
namespace {

constexpr int64_t kBytesMax = 64 << 20;

std::string Npy(const std::string& type, const Shape& shape, const std::string& data) {
  std::string header = absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (",
                                    absl::StrJoin(shape, ","), ",), }");
  while ((10 + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy.push_back(static_cast<char>(header.size() & 255));
  npy.push_back(static_cast<char>(header.size() >> 8));
  return npy + header + data;
}

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

JobBench::JobBench() : folder_{MakeTemporaryFolder("quantd-job").value()} {
  QUANTD_CHECK(CreateFolders(folder_.InputsFolder()).ok());
  QUANTD_CHECK(CreateFolders(folder_.CheckpointFolder()).ok());
}

JobBench::~JobBench() { (void)RemoveAll(folder_.path); }

v1::FileRef JobBench::AddFile(const std::string& name, const std::string& content) {
  v1::FileRef file;
  file.set_name(name);
  file.set_digest(Sha256Hex(content));
  file.set_size_bytes(static_cast<int64_t>(content.size()));
  QUANTD_CHECK(WriteFileAtomically(folder_.InputFile(file.digest()), content).ok());
  return file;
}

absl::Status JobBench::Run(const v1::JobSpec& spec, int threads) {
  QUANTD_CHECK(RemoveAll(folder_.OutputFolder()).ok());
  QUANTD_CHECK(CreateFolders(folder_.OutputFilesFolder()).ok());
  QUANTD_CHECK(WriteFileAtomically(folder_.SpecFile(), spec.SerializeAsString()).ok());
  const absl::Status ran = RunJob({.folder = folder_, .threads = threads});
  if (!ran.ok()) return Annotate(ran, "no verdict");
  google::rpc::Status verdict;
  QUANTD_CHECK(verdict.ParseFromString(ReadFile(folder_.StatusFile(), kBytesMax).value()));
  return FromProto(verdict);
}

v1::QualityReport JobBench::Report() const {
  v1::QualityReport report;
  QUANTD_CHECK(report.ParseFromString(ReadFile(folder_.ReportFile(), kBytesMax).value()));
  return report;
}

std::map<std::string, std::string> JobBench::OutputFiles() const {
  std::map<std::string, std::string> files;
  const std::vector<std::string> names = ListFolder(folder_.OutputFilesFolder()).value();
  for (const std::string& name : names) {
    files[name] = ReadFile(folder_.OutputFilesFolder() + "/" + name, kBytesMax).value();
  }
  return files;
}

std::vector<std::string> JobBench::Checkpoints() const {
  return ListFolder(folder_.CheckpointFolder()).value();
}

std::string FloatNpy(const Shape& shape, const std::vector<float>& values) {
  return Npy("<f4", shape, Raw(values));
}

std::string Int64Npy(const Shape& shape, const std::vector<int64_t>& values) {
  return Npy("<i8", shape, Raw(values));
}

std::vector<float> Noise(int64_t count, float lower, float upper, uint64_t seed) {
  Random random(seed);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const double share = static_cast<double>(random.Below(1 << 20)) / (1 << 20);
    values.push_back(static_cast<float>(lower + (upper - lower) * share));
  }
  return values;
}

std::vector<int64_t> Classes(int64_t count, int64_t classes, uint64_t seed) {
  Random random(seed);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < count; ++i) {
    labels.push_back(static_cast<int64_t>(random.Below(static_cast<uint64_t>(classes))));
  }
  return labels;
}

std::string TestModel(const std::string& name) {
  return ReadFile(absl::StrCat(QUANTD_TEST_DATA, "/models/", name, ".onnx"), kBytesMax).value();
}

std::string Serialized(const Graph& graph) {
  return SerializeOnnxModel({.graph = graph, .opset_imports = {{"", 13}}, .ir_version = 7}).value();
}

Graph TinyGraph() {
  Graph graph = GraphOf({Op("Gemm", {"x", "w1", "b1"}, {"h"}), Op("Relu", {"h"}, {"r"}),
                         Op("Gemm", {"r", "w2", "b2"}, {"y"}, {{"transB", int64_t{1}}})},
                        {{"w1", Tensor::Of<float>({4, 5}, Noise(20, -1, 1, 1))},
                         {"b1", Tensor::Of<float>({5}, Noise(5, -1, 1, 2))},
                         {"w2", Tensor::Of<float>({3, 5}, Noise(15, -1, 1, 3))},
                         {"b2", Tensor::Of<float>({3}, Noise(3, -1, 1, 4))}});
  graph.nodes[0].name = "first";
  graph.nodes[1].name = "middle";
  graph.nodes[2].name = "last";
  for (ValueInfo* value : {&graph.inputs[0], &graph.outputs[0]}) {
    value->has_shape = true;
    value->shape = {{-1, "N"}, {value == &graph.inputs[0] ? 4 : 3, ""}};
  }
  return graph;
}

v1::JobSpec TinySpec(JobBench& bench) {
  v1::JobSpec spec;
  *spec.mutable_model()->add_files() = bench.AddFile("tiny.onnx", Serialized(TinyGraph()));
  *spec.mutable_data()->add_files() =
      bench.AddFile("rows.npy", FloatNpy({40, 4}, Noise(160, -2, 2, 5)));
  *spec.mutable_data()->add_files() =
      bench.AddFile("labels.npy", Int64Npy({40}, Classes(40, 3, 6)));
  spec.mutable_data()->mutable_labels()->set_array("labels.npy");
  spec.mutable_recipe()->set_preset("w8a8-minmax");
  spec.mutable_calibration()->set_rows(10);
  spec.mutable_evaluation()->set_bootstrap_replicates(200);
  return spec;
}

}  // namespace quantd::testing
