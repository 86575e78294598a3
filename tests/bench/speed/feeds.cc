#include "tests/bench/speed/feeds.h"

#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/random.h"
#include "common/status_macros.h"

namespace quantd::bench {
namespace {

constexpr uint64_t kSeed = 7;
constexpr int64_t kFileBytesMax = int64_t{1} << 30;
constexpr int64_t kIdsBelow = 1000;   // Within every vocabulary.
constexpr int64_t kPaddingShare = 8;  // One position in so many is padding.

struct PixelRange {
  absl::string_view model;
  double low;
  double high;
};

// Models that read bytes as they are; the others read normalized pixels.
constexpr PixelRange kRawPixels[] = {{"mnist_cnn", 0, 255}, {"resnet8_cifar10", 0, 255}};

void FillFloats(const std::string& model_name, Random& random, Tensor& tensor) {
  // Deviation 1, as normalized pixels have.
  double low = -1.7320508, high = 1.7320508;
  for (const PixelRange& range : kRawPixels) {
    if (range.model == model_name) std::tie(low, high) = std::pair(range.low, range.high);
  }
  float* values = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    values[i] = static_cast<float>(low + (high - low) * random.Uniform());
  }
}

void FillIntegers(const std::string& name, Random& random, Tensor& tensor) {
  const int64_t row = tensor.rank() == 0 ? 1 : tensor.shape().back();
  int64_t* values = tensor.mutable_data<int64_t>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int64_t position = i % row;
    if (absl::StrContains(name, "mask")) {
      values[i] = position < row - row / kPaddingShare ? 1 : 0;
    } else if (absl::StrContains(name, "type")) {
      values[i] = position < row / 2 ? 0 : 1;
    } else {
      values[i] = static_cast<int64_t>(random.Below(kIdsBelow));
    }
  }
}

absl::StatusOr<DataType> ParseType(const std::string& name) {
  for (const DataType type : {DataType::kFloat, DataType::kInt64}) {
    if (DataTypeName(type) == name) return type;
  }
  return absl::InvalidArgumentError(absl::StrCat("type '", name, "' is neither float nor int64"));
}

}  // namespace

absl::StatusOr<TensorMap> MakeFeeds(const Graph& graph, const std::string& model_name,
                                    int64_t batch, int64_t sequence) {
  TensorMap feeds;
  Random random(kSeed);
  for (const ValueInfo& input : graph.inputs) {
    const bool floats = input.dtype == DataType::kFloat;
    if (!input.has_shape || (!floats && input.dtype != DataType::kInt64)) {
      return absl::UnimplementedError(
          absl::StrCat("input '", input.name, "' has no shape or a type that is not fed here"));
    }
    Shape shape;
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const int64_t extent = input.shape[axis].extent;
      shape.push_back(extent >= 0 ? extent : axis == 0 ? batch : sequence);
    }
    RETURN_IF_ERROR(CheckedElementCount(shape).status());
    Tensor tensor(input.dtype, std::move(shape));
    if (floats) {
      FillFloats(model_name, random, tensor);
    } else {
      FillIntegers(input.name, random, tensor);
    }
    feeds.emplace(input.name, std::move(tensor));
  }
  return feeds;
}

absl::Status WriteTensors(const TensorMap& tensors, const std::string& folder,
                          const std::string& index) {
  RETURN_IF_ERROR(CreateFolders(folder));
  std::string lines;
  int number = 0;
  for (const auto& [name, tensor] : tensors) {
    // Tensor names may hold slashes: files are numbered.
    const std::string file = absl::StrCat(index, ".", number++);
    absl::StrAppend(&lines, name, " ", DataTypeName(tensor.dtype()), " ",
                    absl::StrJoin(tensor.shape(), ","), " ", file, "\n");
    RETURN_IF_ERROR(WriteFileAtomically(
        absl::StrCat(folder, "/", file),
        absl::string_view(static_cast<const char*>(tensor.raw()), tensor.bytes())));
  }
  return WriteFileAtomically(absl::StrCat(folder, "/", index), lines);
}

absl::StatusOr<TensorMap> ReadTensors(const std::string& folder, const std::string& index) {
  ASSIGN_OR_RETURN(const std::string lines,
                   ReadFile(absl::StrCat(folder, "/", index), kFileBytesMax));
  TensorMap tensors;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() != 4) return absl::InvalidArgumentError(absl::StrCat("index: '", line, "'"));
    ASSIGN_OR_RETURN(const DataType type, ParseType(words[1]));
    Shape shape;
    for (const absl::string_view extent : absl::StrSplit(words[2], ',', absl::SkipEmpty())) {
      if (!absl::SimpleAtoi(extent, &shape.emplace_back())) {
        return absl::InvalidArgumentError(absl::StrCat("index: '", line, "'"));
      }
    }
    RETURN_IF_ERROR(CheckedElementCount(shape).status());
    Tensor tensor(type, std::move(shape));
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadFile(absl::StrCat(folder, "/", words[3]), kFileBytesMax));
    if (bytes.size() != tensor.bytes()) {
      return absl::InvalidArgumentError(absl::StrCat(words[3], " does not hold ", line));
    }
    std::memcpy(tensor.mutable_raw(), bytes.data(), bytes.size());
    tensors.emplace(words[0], std::move(tensor));
  }
  return tensors;
}

}  // namespace quantd::bench
