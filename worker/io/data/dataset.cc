#include "worker/io/data/dataset.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "worker/io/data/array_binding.h"
#include "worker/io/data/array_file.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/array_source.h"
#include "worker/io/data/convert.h"
#include "worker/io/data/data_errors.h"
#include "worker/io/data/image_source.h"
#include "worker/io/data/labels.h"
#include "worker/io/data/preprocess.h"
#include "worker/io/data/row_dataset.h"

namespace quantd {
namespace {

using FileMap = std::map<std::string, std::string>;

absl::Status CheckModelInputs(const std::vector<ValueInfo>& model_inputs) {
  if (model_inputs.empty()) {
    return InvalidField("UNBOUND_INPUT", "model",
                        "the model has no input, so no data can be fed to it");
  }
  for (const ValueInfo& input : model_inputs) {
    if (!IsFeedable(input.dtype)) {
      return InvalidField("UNSUPPORTED_INPUT_TYPE", absl::StrCat("data.bindings[", input.name, "]"),
                          absl::StrCat("the model's input has type ", DataTypeName(input.dtype),
                                       ", which data cannot be converted to"));
    }
  }
  return absl::OkStatus();
}

// Labels in a file of their own. Arrays name it by file; a key inside an .npz is found among its
// members.
absl::StatusOr<Labels> LabelsFromFile(const std::string& file, const std::string& path,
                                      int32_t column) {
  if (absl::EndsWithIgnoreCase(file, ".csv")) {
    absl::StatusOr<std::string> text = ReadFile(path, kDataFileBytesMax);
    if (!text.ok()) return UnreadableData(file, text.status());
    return LabelsFromCsv(file, *text, column);
  }
  ASSIGN_OR_RETURN(const std::vector<NamedArray> arrays,
                   ReadArrayFile(file, path, DataFormat::kAuto));
  if (arrays.size() != 1) {
    return BadLabel(
        absl::StrCat("'", file, "' holds ", arrays.size(), " arrays; name one by its key"));
  }
  return LabelsFromArray(arrays[0], column);
}

// Labels that do not come from the data's own arrays; nothing when they do or when there are none.
absl::StatusOr<std::optional<Labels>> LabelsBesideData(const LabelSpec& spec,
                                                       const FileMap& files) {
  if (spec.kind != LabelKind::kArray) return std::nullopt;
  const auto file = files.find(spec.array);
  if (file == files.end()) return std::nullopt;
  ASSIGN_OR_RETURN(Labels labels, LabelsFromFile(file->first, file->second, spec.column));
  return labels;
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenImages(const DataSpec& spec, const FileMap& data,
                                                    std::optional<Labels> labels,
                                                    const std::vector<ValueInfo>& model_inputs) {
  std::vector<std::string> names;
  for (const auto& [name, path] : data) {
    if (FormatOfName(name) != DataFormat::kImages) {
      return BadData(name, "is no .jpg, .jpeg or .png file like the others; leave it out");
    }
    names.push_back(name);
  }
  if (model_inputs.size() != 1) return UnboundInput(model_inputs[1].name, {});
  if (spec.labels.kind == LabelKind::kFolderName) {
    ASSIGN_OR_RETURN(labels, LabelsFromFolders(names));
  } else if (spec.labels.kind == LabelKind::kFileNamePrefix) {
    ASSIGN_OR_RETURN(labels, LabelsFromPrefixes(names));
  } else if (spec.labels.kind == LabelKind::kArray && !labels.has_value()) {
    return UnknownArray("data.labels", spec.labels.array, {});
  }
  std::map<std::string, std::unique_ptr<RowSource>> sources;
  ASSIGN_OR_RETURN(
      sources[model_inputs[0].name],
      MakeImageSource({data.begin(), data.end()}, model_inputs[0], spec.preprocessing));
  const std::string origin =
      names.size() == 1 ? names[0] : absl::StrCat("images ", names.front(), " to ", names.back());
  return MakeRowDataset(std::move(sources), std::move(labels), {origin});
}

absl::StatusOr<std::vector<NamedArray>> ReadArrays(const FileMap& data, DataFormat format) {
  std::vector<NamedArray> arrays;
  int64_t bytes = 0;
  for (const auto& [name, path] : data) {
    ASSIGN_OR_RETURN(std::vector<NamedArray> more, ReadArrayFile(name, path, format));
    for (NamedArray& array : more) {
      bytes += static_cast<int64_t>(array.tensor.bytes());
      if (bytes > kDataArrayBytesMax) {
        return BadData(name,
                       absl::StrCat("the arrays exceed ", kDataArrayBytesMax, " bytes in all"));
      }
      arrays.push_back(std::move(array));
    }
  }
  return JoinFolders(std::move(arrays));
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenArrays(const DataSpec& spec, const FileMap& data,
                                                    std::optional<Labels> labels,
                                                    const std::vector<ValueInfo>& model_inputs) {
  if (spec.labels.kind == LabelKind::kFolderName ||
      spec.labels.kind == LabelKind::kFileNamePrefix) {
    return BadLabel("labels come from file names only where each row is an image file");
  }
  ASSIGN_OR_RETURN(std::vector<NamedArray> arrays, ReadArrays(data, spec.format));
  if (spec.labels.kind == LabelKind::kArray && !labels.has_value()) {
    const int position = FindArray(arrays, spec.labels.array);
    if (position < 0) return UnknownArray("data.labels", spec.labels.array, ArrayLabels(arrays));
    ASSIGN_OR_RETURN(labels, LabelsFromArray(arrays[position], spec.labels.column));
    arrays.erase(arrays.begin() + position);
  }
  if (arrays.empty()) return EmptyData("");
  ASSIGN_OR_RETURN(const std::vector<int> positions,
                   BindArrays(spec.bindings, model_inputs, arrays));
  std::map<std::string, std::unique_ptr<RowSource>> sources;
  std::vector<std::string> origins;
  for (size_t i = 0; i < model_inputs.size(); ++i) {
    const NamedArray& array = arrays[positions[i]];
    origins.push_back(array.label == array.file ? array.file
                                                : absl::StrCat(array.label, " in ", array.file));
    ASSIGN_OR_RETURN(sources[model_inputs[i].name],
                     MakeArraySource(array, model_inputs[i], spec.preprocessing));
  }
  return MakeRowDataset(std::move(sources), std::move(labels), origins);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const DataSpec& spec, const FileMap& files,
                                                     const std::vector<ValueInfo>& model_inputs) {
  RETURN_IF_ERROR(CheckModelInputs(model_inputs));
  RETURN_IF_ERROR(CheckPreprocessing(spec.preprocessing));
  RETURN_IF_ERROR(CheckBindings(spec.bindings, model_inputs));
  ASSIGN_OR_RETURN(std::optional<Labels> labels, LabelsBesideData(spec.labels, files));
  FileMap data = files;
  if (labels.has_value()) data.erase(spec.labels.array);
  if (data.empty()) return EmptyData("");

  const bool images = spec.format == DataFormat::kImages ||
                      (spec.format == DataFormat::kAuto &&
                       std::any_of(data.begin(), data.end(), [](const auto& file) {
                         return FormatOfName(file.first) == DataFormat::kImages;
                       }));
  return images ? OpenImages(spec, data, std::move(labels), model_inputs)
                : OpenArrays(spec, data, std::move(labels), model_inputs);
}

}  // namespace quantd
