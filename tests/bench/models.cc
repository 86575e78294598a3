#include "tests/bench/models.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd::bench {
namespace {

constexpr size_t kImageFolds = 4;
// Images of one fold in a batch, small enough for two cores' caches.
constexpr int32_t kBatchRows = 16;

absl::Status AddFile(const std::string& path, const std::string& name,
                     google::protobuf::RepeatedPtrField<v1::FileRef>& files, Fold& fold) {
  v1::FileRef& file = *files.Add();
  file.set_name(name);
  ASSIGN_OR_RETURN(const std::string digest, Sha256HexOfFile(path));
  file.set_digest(digest);
  ASSIGN_OR_RETURN(const int64_t bytes, FileSize(path));
  file.set_size_bytes(bytes);
  fold.paths[digest] = path;
  return absl::OkStatus();
}

absl::StatusOr<Fold> StartFold(const ModelOptions& options, const std::string& model) {
  Fold fold;
  RETURN_IF_ERROR(AddFile(absl::StrCat(options.models, "/", model, ".onnx"), model + ".onnx",
                          *fold.spec.mutable_model()->mutable_files(), fold));
  fold.spec.mutable_calibration()->set_rows(options.calibration_rows);
  fold.spec.mutable_calibration()->set_batch_rows(kBatchRows);
  return fold;
}

// Images and labels of one IDX set.
absl::Status AddIdx(const std::string& folder, const std::string& images, const std::string& labels,
                    const std::string& input, v1::DataInput& data, Fold& fold) {
  RETURN_IF_ERROR(AddFile(folder + "/" + images, images, *data.mutable_files(), fold));
  RETURN_IF_ERROR(AddFile(folder + "/" + labels, labels, *data.mutable_files(), fold));
  (*data.mutable_bindings())[input] = images;
  data.mutable_labels()->set_array(labels);
  return absl::OkStatus();
}

// Calibrates on training images, evaluates on test images.
absl::Status AddFashionVit(const ModelOptions& options, BenchModel& model) {
  ASSIGN_OR_RETURN(Fold fold, StartFold(options, model.name));
  v1::DataInput& train = *fold.spec.mutable_data();
  v1::DataInput& test = *fold.spec.mutable_evaluation_data();
  for (v1::DataInput* data : {&train, &test}) {
    v1::Preprocessing& to = *data->mutable_preprocessing();
    to.set_scale(1 / 255.0);
    to.add_mean(0.2860);
    to.add_std(0.3530);
  }
  RETURN_IF_ERROR(AddIdx(options.fashion, "train-images-idx3-ubyte.gz",
                         "train-labels-idx1-ubyte.gz", "image", train, fold));
  RETURN_IF_ERROR(AddIdx(options.fashion, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
                         "image", test, fold));
  fold.spec.mutable_evaluation()->set_rows(options.vit_rows);
  model.folds.push_back(std::move(fold));
  return absl::OkStatus();
}

// One set: a random sample calibrates, all the rest evaluates.
absl::Status AddMnistCnn(const ModelOptions& options, BenchModel& model) {
  ASSIGN_OR_RETURN(Fold fold, StartFold(options, model.name));
  RETURN_IF_ERROR(AddIdx(options.mnist, "digits-images-idx3-ubyte", "digits-labels-idx1-ubyte",
                         "Input3", *fold.spec.mutable_data(), fold));
  model.folds.push_back(std::move(fold));
  return absl::OkStatus();
}

// Names of the JPEGs in `folder` and, one level down, in its folders.
absl::StatusOr<std::vector<std::string>> ListImages(const std::string& folder) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, ListFolder(folder));
  for (const std::string& entry : entries) {
    if (absl::EndsWith(entry, ".jpg")) {
      names.push_back(entry);
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> below, ListFolder(folder + "/" + entry));
    for (const std::string& name : below) {
      if (absl::EndsWith(name, ".jpg")) names.push_back(entry + "/" + name);
    }
  }
  return names;
}

// Image i evaluates in fold i mod kImageFolds and may calibrate in the others, so every image is
// evaluated once, by a model that never saw it.
absl::Status AddImageFolds(const ModelOptions& options, const std::string& folder,
                           const v1::DataInput& reading, BenchModel& model) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListImages(folder));
  for (size_t k = 0; k < kImageFolds; ++k) {
    ASSIGN_OR_RETURN(Fold fold, StartFold(options, model.name));
    *fold.spec.mutable_data() = reading;
    *fold.spec.mutable_evaluation_data() = reading;
    for (size_t i = 0; i < names.size(); ++i) {
      v1::DataInput& data =
          i % kImageFolds == k ? *fold.spec.mutable_evaluation_data() : *fold.spec.mutable_data();
      RETURN_IF_ERROR(AddFile(folder + "/" + names[i], names[i], *data.mutable_files(), fold));
    }
    if (fold.spec.evaluation_data().files().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("'", folder, "' holds too few .jpg files"));
    }
    model.folds.push_back(std::move(fold));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<BenchModel>> MakeModels(const ModelOptions& options) {
  std::vector<BenchModel> models = {{.name = "vit_fmnist", .classes = 10},
                                    {.name = "resnet8_cifar10", .classes = 10},
                                    {.name = "mobilenet_v1_025_224", .classes = 1000},
                                    {.name = "mnist_cnn", .classes = 10}};
  RETURN_IF_ERROR(AddFashionVit(options, models[0]));

  models[1].skipped = options.cifar.empty() ? "no --cifar DIR" : "";
  if (models[1].skipped.empty()) {
    v1::DataInput reading;
    reading.mutable_labels()->set_folder_name(true);
    RETURN_IF_ERROR(AddImageFolds(options, options.cifar, reading, models[1]));
  }
  models[2].skipped = options.imagenet.empty() ? "no --imagenet DIR" : "";
  if (models[2].skipped.empty()) {
    v1::DataInput reading;
    reading.mutable_labels()->set_file_name_prefix(true);
    reading.mutable_preprocessing()->set_scale(1 / 127.5);
    reading.mutable_preprocessing()->add_mean(1);
    RETURN_IF_ERROR(AddImageFolds(options, options.imagenet, reading, models[2]));
  }
  models[3].skipped = options.mnist.empty() ? "no --mnist DIR" : "";
  if (models[3].skipped.empty()) RETURN_IF_ERROR(AddMnistCnn(options, models[3]));
  return models;
}

}  // namespace quantd::bench
