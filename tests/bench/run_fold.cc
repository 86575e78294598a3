#include "tests/bench/run_fold.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "quantd/v1/report.pb.h"
#include "worker/io/data/dataset.h"
#include "worker/io/onnx/reader.h"
#include "worker/job/job_runner.h"
#include "worker/job/recipe_proto.h"

namespace quantd::bench {
namespace {

constexpr int64_t kOutputBytesMax = 256 << 20;
constexpr int64_t kInputRowsAtOnce = 64;

absl::Status Prepare(const Fold& fold, const std::string& preset, const JobFolder& folder) {
  for (const std::string& path :
       {folder.InputsFolder(), folder.CheckpointFolder(), folder.OutputFilesFolder()}) {
    RETURN_IF_ERROR(CreateFolders(path));
  }
  for (const auto& [digest, path] : fold.paths) {
    std::error_code error;
    std::filesystem::create_symlink(std::filesystem::absolute(path), folder.InputFile(digest),
                                    error);
    if (error) return absl::InternalError(absl::StrCat(path, ": ", error.message()));
  }
  v1::JobSpec spec = fold.spec;
  spec.mutable_recipe()->set_preset(preset);
  return WriteFileAtomically(folder.SpecFile(), spec.SerializeAsString());
}

// The columns of rows.csv: row,label,reference_top1,quantized_top1,kl,cosine.
absl::StatusOr<std::vector<int64_t>> ReadRows(const std::string& csv, int classes,
                                              FoldResult& result) {
  std::vector<int64_t> numbers;
  const std::vector<std::string> lines = absl::StrSplit(csv, '\n', absl::SkipEmpty());
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> cells = absl::StrSplit(lines[i], ',');
    RowScores row;
    int64_t number = 0, label = 0;
    if (cells.size() != 6 || !absl::SimpleAtoi(cells[0], &number) ||
        !absl::SimpleAtoi(cells[1], &label) || !absl::SimpleAtoi(cells[2], &row.reference_top[0]) ||
        !absl::SimpleAtoi(cells[3], &row.quantized_top[0]) ||
        !absl::SimpleAtod(cells[4], &row.kl) || !absl::SimpleAtod(cells[5], &row.cosine)) {
      return absl::InternalError(absl::StrCat("rows.csv: '", lines[i], "'"));
    }
    row.classes = classes;
    result.rows.push_back(row);
    result.labels.push_back(label);
    numbers.push_back(number);
  }
  return numbers;
}

// The evaluated rows in the order of rows.csv, so that another runtime sees the very same numbers.
absl::Status KeepInputs(const Fold& fold, const std::vector<int64_t>& numbers,
                        const std::string& path) {
  const bool split = !fold.spec.has_evaluation_data();
  const v1::DataInput& data = split ? fold.spec.data() : fold.spec.evaluation_data();
  std::map<std::string, std::string> files;
  for (const v1::FileRef& file : data.files()) files[file.name()] = fold.paths.at(file.digest());
  ASSIGN_OR_RETURN(const Model model,
                   ReadOnnxModel(fold.paths.at(fold.spec.model().files(0).digest()), {}));
  std::vector<ValueInfo> inputs;
  for (const ValueInfo& input : model.graph.inputs) {
    if (model.graph.initializers.count(input.name) == 0) inputs.push_back(input);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset,
                   OpenDataset(FromProto(data), files, inputs));
  std::string bytes;
  for (size_t begin = 0; begin < numbers.size(); begin += kInputRowsAtOnce) {
    const size_t count = std::min<size_t>(kInputRowsAtOnce, numbers.size() - begin);
    ASSIGN_OR_RETURN(const auto batch, dataset->Batch(std::span(numbers).subspan(begin, count)));
    const Tensor& tensor = batch.at(inputs[0].name);
    if (begin == 0) {
      Shape shape = tensor.shape();
      shape[0] = static_cast<int64_t>(numbers.size());
      std::string header = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (",
                                        absl::StrJoin(shape, ", "), "), }");
      header.resize((header.size() + 11 + 63) / 64 * 64 - 11, ' ');
      header += '\n';
      bytes = std::string("\x93NUMPY\x01\x00", 8);
      bytes += static_cast<char>(header.size() & 0xff);
      bytes += static_cast<char>(header.size() >> 8);
      bytes += header;
    }
    bytes.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
  }
  return WriteFileAtomically(path, bytes);
}

}  // namespace

absl::StatusOr<FoldResult> RunFold(const BenchModel& model, const Fold& fold,
                                   const std::string& preset, const std::string& keep,
                                   int threads) {
  ASSIGN_OR_RETURN(const std::string path, MakeTemporaryFolder("quantd-quality"));
  const absl::Cleanup remove = [&path] { (void)RemoveAll(path); };
  const JobFolder folder{path};
  RETURN_IF_ERROR(Prepare(fold, preset, folder));
  RETURN_IF_ERROR(RunJob({.folder = folder, .threads = threads}));
  ASSIGN_OR_RETURN(const std::string verdict, ReadFile(folder.StatusFile(), kOutputBytesMax));
  google::rpc::Status status;
  if (!status.ParseFromString(verdict)) return absl::InternalError("status.pb is damaged");
  RETURN_IF_ERROR(FromProto(status));

  v1::QualityReport report;
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder.ReportFile(), kOutputBytesMax));
  if (!report.ParseFromString(bytes)) return absl::InternalError("report.pb is damaged");
  FoldResult result;
  result.calibration_rows = report.data_use().calibration_rows();
  result.size_ratio = report.sizes().ratio();
  const std::string files = folder.OutputFilesFolder();
  ASSIGN_OR_RETURN(const std::string csv, ReadFile(files + "/rows.csv", kOutputBytesMax));
  ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, ReadRows(csv, model.classes, result));
  if (keep.empty()) return result;

  const std::string kept = absl::StrCat(keep, "/", preset);
  RETURN_IF_ERROR(CreateFolders(kept));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(files));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::string content, ReadFile(files + "/" + name, kOutputBytesMax));
    RETURN_IF_ERROR(WriteFileAtomically(kept + "/" + name, content));
  }
  if (!FileExists(keep + "/inputs.npy")) {
    RETURN_IF_ERROR(KeepInputs(fold, numbers, keep + "/inputs.npy"));
  }
  return result;
}

}  // namespace quantd::bench
