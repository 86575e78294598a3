#include "client/cli/input_flags.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/values.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

absl::Status UsageError(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE", message);
}

// An error of ParseX, told of the flag it came from.
absl::Status OfFlag(const std::string& name, const absl::Status& status) {
  return Annotate(status, absl::StrCat("--", name));
}

// Files under their names in the job: each name once.
class FileSet {
 public:
  absl::Status Add(const std::string& path) {
    if (IsFolder(path)) {
      ASSIGN_OR_RETURN(std::vector<LocalFile> found, WalkFolder(path));
      for (LocalFile& file : found) RETURN_IF_ERROR(Insert(std::move(file)));
      return absl::OkStatus();
    }
    return AddAs(path, BaseName(path));
  }

  absl::Status AddAs(const std::string& path, const std::string& name) {
    ASSIGN_OR_RETURN(LocalFile file, DescribeFile(path, name));
    return Insert(std::move(file));
  }

  bool Holds(const std::string& name) const { return by_name_.contains(name); }

  // In byte order of the names.
  template <typename Input>
  void MoveTo(Input* input, std::vector<LocalFile>& files) {
    for (auto& [name, file] : by_name_) {
      *input->add_files() = file.ref;
      files.push_back(std::move(file));
    }
  }

  std::vector<std::string> NamesEndingIn(absl::string_view suffix) const {
    std::vector<std::string> names;
    for (const auto& [name, file] : by_name_) {
      if (absl::EndsWithIgnoreCase(name, suffix)) names.push_back(name);
    }
    return names;
  }

 private:
  absl::Status Insert(LocalFile file) {
    const std::string name = file.ref.name();
    const auto [found, inserted] = by_name_.emplace(name, file);
    if (inserted || found->second.ref.digest() == file.ref.digest()) return absl::OkStatus();
    return UsageError(absl::StrCat(found->second.path, " and ", file.path,
                                   " would both be called '", name,
                                   "' in the job; rename one, or give their common folder"));
  }

  std::map<std::string, LocalFile> by_name_;
};

absl::Status AddModel(const ParsedFlags& flags, v1::JobSpec& spec, std::vector<LocalFile>& files) {
  if (!flags.Has("model") && !flags.Has("model-file")) {
    return spec.has_model() ? absl::OkStatus()
                            : UsageError("no model: give --model FILE_OR_FOLDER");
  }
  FileSet set;
  const std::string path = flags.Get("model");
  if (!path.empty()) RETURN_IF_ERROR(set.Add(path));
  for (const std::string& beside : flags.All("model-file")) RETURN_IF_ERROR(set.Add(beside));
  std::string main_file = flags.Get("main-file");
  if (main_file.empty() && !path.empty() && !IsFolder(path)) main_file = BaseName(path);
  if (main_file.empty()) {
    const std::vector<std::string> candidates = set.NamesEndingIn(".onnx");
    if (candidates.size() != 1) {
      return UsageError(
          candidates.empty()
              ? absl::StrCat("no .onnx file in ", path, "; name the model with --main-file NAME")
              : absl::StrCat("several models in ", path, " (", absl::StrJoin(candidates, ", "),
                             "); choose one with --main-file NAME"));
    }
    main_file = candidates[0];
  }
  if (!set.Holds(main_file)) {
    return InvalidFlag("main-file",
                       absl::StrCat("'", main_file, "' is not among the model's files"));
  }
  spec.clear_model();
  spec.mutable_model()->set_main_file(main_file);
  set.MoveTo(spec.mutable_model(), files);
  return absl::OkStatus();
}

// A name that is neither a file nor among the data can only be a key, which takes an .npz to hold
// it.
absl::Status CheckMayBeKey(const ParsedFlags& flags, const std::string& flag,
                           const std::string& source, const FileSet& set) {
  const bool elsewhere = !flags.Has("data");  // Files that only the --spec knows.
  if (elsewhere || set.Holds(source) || flags.Has("format")) return absl::OkStatus();
  if (!set.NamesEndingIn(".npz").empty()) return absl::OkStatus();
  return InvalidFlag(flag, absl::StrCat("names '", source,
                                        "', which is no file, and no .npz is given that could "
                                        "hold it"));
}

absl::Status AddLabels(const ParsedFlags& flags, const std::string& flag, FileSet& set,
                       v1::DataInput* data) {
  if (!flags.Has(flag)) return absl::OkStatus();
  const std::string source = flags.Get(flag);
  v1::LabelSource* labels = data->mutable_labels();
  if (source == "folder") {
    labels->set_folder_name(true);
  } else if (source == "prefix") {
    labels->set_file_name_prefix(true);
  } else if (!set.Holds(source) && FileExists(source) && !IsFolder(source)) {
    RETURN_IF_ERROR(set.Add(source));
    labels->set_array(BaseName(source));
  } else {
    // A file already among the data, or a key of an .npz.
    RETURN_IF_ERROR(CheckMayBeKey(flags, flag, source, set));
    labels->set_array(source);
  }
  ASSIGN_OR_RETURN(const int64_t column, flags.Integer("label-column", 0, 1 << 30, 0));
  labels->set_column(static_cast<int32_t>(column));
  return absl::OkStatus();
}

template <typename Value, typename Parse, typename Set>
absl::Status Apply(const ParsedFlags& flags, const std::string& name, Parse parse, Set set) {
  if (!flags.Has(name)) return absl::OkStatus();
  absl::StatusOr<Value> value = parse(flags.Get(name));
  if (!value.ok()) return OfFlag(name, value.status());
  set(*value);
  return absl::OkStatus();
}

absl::Status SetEnums(const ParsedFlags& flags, v1::DataInput* data) {
  if (flags.Has("layout")) {
    v1::Preprocessing::Layout layout;
    if (!v1::Preprocessing::Layout_Parse(absl::AsciiStrToUpper(flags.Get("layout")), &layout)) {
      return InvalidFlag("layout", "is nchw or nhwc");
    }
    data->mutable_preprocessing()->set_layout(layout);
  }
  if (flags.Has("channels")) {
    v1::Preprocessing::Channels channels;
    if (!v1::Preprocessing::Channels_Parse(absl::AsciiStrToUpper(flags.Get("channels")),
                                           &channels)) {
      return InvalidFlag("channels", "is rgb, bgr or gray");
    }
    data->mutable_preprocessing()->set_channels(channels);
  }
  if (flags.Has("format")) {
    v1::DataInput::Format format;
    if (!v1::DataInput::Format_Parse(absl::AsciiStrToUpper(flags.Get("format")), &format)) {
      return InvalidFlag("format", "is npy, npz, idx, images or onnx_tensor");
    }
    data->set_format(format);
  }
  return absl::OkStatus();
}

absl::Status AddPreprocessing(const ParsedFlags& flags, v1::DataInput* data) {
  using Size = std::pair<int32_t, int32_t>;
  using Numbers = std::vector<double>;
  const auto pre = [data] { return data->mutable_preprocessing(); };
  RETURN_IF_ERROR(Apply<Size>(flags, "resize", ParseSize, [&](const Size& size) {
    pre()->set_resize_width(size.first);
    pre()->set_resize_height(size.second);
  }));
  RETURN_IF_ERROR(Apply<Size>(flags, "crop", ParseSize, [&](const Size& size) {
    pre()->set_crop_width(size.first);
    pre()->set_crop_height(size.second);
  }));
  RETURN_IF_ERROR(
      Apply<double>(flags, "scale", ParseRatio, [&](double scale) { pre()->set_scale(scale); }));
  RETURN_IF_ERROR(Apply<Numbers>(flags, "mean", ParseNumbers, [&](const Numbers& mean) {
    pre()->mutable_mean()->Assign(mean.begin(), mean.end());
  }));
  RETURN_IF_ERROR(Apply<Numbers>(flags, "std", ParseNumbers, [&](const Numbers& std) {
    pre()->mutable_std()->Assign(std.begin(), std.end());
  }));
  if (flags.Has("resize-shorter")) {
    ASSIGN_OR_RETURN(const int64_t side, flags.Integer("resize-shorter", 1, 65'535, 0));
    pre()->set_resize_shorter_side(static_cast<int32_t>(side));
  }
  return SetEnums(flags, data);
}

absl::Status AddBindings(const ParsedFlags& flags, FileSet& set, v1::DataInput* data) {
  for (const std::string& text : flags.All("bind")) {
    const auto pair = ParsePair(text);
    if (!pair.ok()) return OfFlag("bind", pair.status());
    const auto& [input, source] = *pair;
    // The data file as it was given, its name in the job, or a key of an .npz.
    const bool is_path = !set.Holds(source) && FileExists(source) && !IsFolder(source);
    if (is_path) RETURN_IF_ERROR(set.Add(source));
    if (!is_path) RETURN_IF_ERROR(CheckMayBeKey(flags, "bind", source, set));
    (*data->mutable_bindings())[input] = is_path ? BaseName(source) : source;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<FlagSpec> InputFlags() {
  const std::string model = "Model";
  const std::string data = "Data";
  const std::string pre = "Preprocessing of images and arrays";
  return {
      {"model", Arity::kOne, "FILE_OR_FOLDER",
       "The .onnx file, or a folder that holds it and its external data.", model},
      {"model-file", Arity::kMany, "FILE", "Another file of the model, for example external data.",
       model},
      {"main-file", Arity::kOne, "NAME", "Which file is the model, where several could be.", model},
      {"data", Arity::kList, "PATH",
       "Files, or a folder of them (named relative to it): .npy, .npz, IDX, images, ONNX tensors. "
       "Rows for calibration and, held out, for evaluation.",
       data},
      {"evaluation-data", Arity::kList, "PATH",
       "Rows for evaluation only; --data then serves calibration alone.", data},
      {"format", Arity::kOne, "FORMAT",
       "npy, npz, idx, images or onnx_tensor. Default: by the names of the files.", data},
      {"labels", Arity::kOne, "SOURCE",
       "The class of each row, for accuracy: a file or a key of the .npz with one integer a row; "
       "'folder' for the first folder of each image's name; 'prefix' for the number before the "
       "first '_' of its name.",
       data},
      {"label-column", Arity::kOne, "N",
       "Which column of a two-dimensional label array. Default: 0.", data},
      {"evaluation-labels", Arity::kOne, "SOURCE", "The same for --evaluation-data.", data},
      {"bind", Arity::kMany, "INPUT=FILE",
       "Which file (or .npz key) feeds which model input, where there are several.", data},
      {"resize", Arity::kOne, "WxH", "Resize images, in pixels.", pre},
      {"resize-shorter", Arity::kOne, "N",
       "Resize the shorter side and keep the aspect ratio, in pixels.", pre},
      {"crop", Arity::kOne, "WxH", "Then cut this out of the centre, in pixels.", pre},
      {"channels", Arity::kOne, "ORDER", "rgb, bgr or gray. Default: rgb.", pre},
      {"layout", Arity::kOne, "LAYOUT", "nchw or nhwc. Default: nchw.", pre},
      {"scale", Arity::kOne, "X", "Multiply stored values by this: 1/255. Then (x - mean) / std.",
       pre},
      {"mean", Arity::kOne, "A,B,C", "One for all channels or one a channel. Default: 0.", pre},
      {"std", Arity::kOne, "A,B,C", "One for all channels or one a channel. Default: 1.", pre},
  };
}

absl::Status AddInputs(const ParsedFlags& flags, v1::JobSpec& spec, std::vector<LocalFile>& files) {
  RETURN_IF_ERROR(AddModel(flags, spec, files));
  if (!flags.Has("data") && !spec.has_data()) {
    return UsageError(
        "no data: give --data FILES_OR_FOLDER, the rows to calibrate and to evaluate on");
  }
  FileSet data;
  for (const std::string& path : flags.All("data")) RETURN_IF_ERROR(data.Add(path));
  if (flags.Has("data")) spec.mutable_data()->clear_files();
  RETURN_IF_ERROR(AddLabels(flags, "labels", data, spec.mutable_data()));
  RETURN_IF_ERROR(AddBindings(flags, data, spec.mutable_data()));
  RETURN_IF_ERROR(AddPreprocessing(flags, spec.mutable_data()));
  data.MoveTo(spec.mutable_data(), files);
  if (!flags.Has("evaluation-data")) return absl::OkStatus();

  FileSet evaluation;
  for (const std::string& path : flags.All("evaluation-data"))
    RETURN_IF_ERROR(evaluation.Add(path));
  v1::DataInput* input = spec.mutable_evaluation_data();
  input->clear_files();
  RETURN_IF_ERROR(AddLabels(flags, "evaluation-labels", evaluation, input));
  *input->mutable_bindings() =
      spec.data().bindings();  // The same inputs, fed by files of the same names.
  RETURN_IF_ERROR(AddPreprocessing(flags, input));
  evaluation.MoveTo(input, files);
  return absl::OkStatus();
}

}  // namespace quantd
