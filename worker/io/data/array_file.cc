#include "worker/io/data/array_file.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/data_errors.h"
#include "worker/io/data/idx.h"
#include "worker/io/data/inflate.h"
#include "worker/io/data/npy.h"
#include "worker/io/data/npz.h"
#include "worker/io/data/tensor_proto.h"

namespace quantd {
namespace {

DataFormat FormatOfBytes(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\x93NUMPY")) return DataFormat::kNpy;
  if (absl::StartsWith(bytes, "PK")) return DataFormat::kNpz;
  if (IsGzip(bytes) || absl::StartsWith(bytes, absl::string_view("\0\0", 2)))
    return DataFormat::kIdx;
  return DataFormat::kAuto;
}

absl::StatusOr<std::vector<NamedArray>> Parse(const std::string& file, absl::string_view bytes,
                                              DataFormat format) {
  std::vector<NamedArray> arrays;
  if (format == DataFormat::kNpz) {
    ASSIGN_OR_RETURN(auto members, ParseNpz(bytes));
    for (auto& [key, tensor] : members) arrays.push_back({file, key, std::move(tensor), key});
  } else if (format == DataFormat::kOnnxTensor) {
    ASSIGN_OR_RETURN(NamedTensor named, ParseTensorProto(bytes));
    arrays.push_back({file, std::move(named.name), std::move(named.tensor), file});
  } else if (format == DataFormat::kNpy || format == DataFormat::kIdx) {
    ASSIGN_OR_RETURN(Tensor tensor, format == DataFormat::kNpy ? ParseNpy(bytes) : ParseIdx(bytes));
    arrays.push_back({file, "", std::move(tensor), file});
  } else {
    return absl::InvalidArgumentError(
        "neither .npy, .npz, IDX nor an ONNX tensor (.pb); convert the file or name the format");
  }
  return arrays;
}

}  // namespace

DataFormat FormatOfName(absl::string_view file) {
  const std::string name = absl::AsciiStrToLower(file);
  const auto ends = [&name](absl::string_view suffix) { return absl::EndsWith(name, suffix); };
  if (ends(".npy")) return DataFormat::kNpy;
  if (ends(".npz")) return DataFormat::kNpz;
  if (ends(".pb")) return DataFormat::kOnnxTensor;
  if (ends(".jpg") || ends(".jpeg") || ends(".png")) return DataFormat::kImages;
  if (ends(".idx") || ends(".idx.gz") || ends("-ubyte") || ends("-ubyte.gz"))
    return DataFormat::kIdx;
  return DataFormat::kAuto;
}

absl::StatusOr<std::vector<NamedArray>> ReadArrayFile(const std::string& file,
                                                      const std::string& path, DataFormat format) {
  absl::StatusOr<std::string> bytes = ReadFile(path, kDataFileBytesMax);
  if (!bytes.ok()) return UnreadableData(file, bytes.status());
  if (bytes->empty()) return BadData(file, "the file is empty");
  if (IsGitLfsPointer(*bytes)) return BadData(file, kIsGitLfsPointer);
  if (format == DataFormat::kAuto) format = FormatOfName(file);
  if (format == DataFormat::kAuto) format = FormatOfBytes(*bytes);
  absl::StatusOr<std::vector<NamedArray>> arrays = Parse(file, *bytes, format);
  if (!arrays.ok()) return BadData(file, arrays.status().message());
  return arrays;
}

}  // namespace quantd
