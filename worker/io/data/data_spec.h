// What a client says about its data: which files feed which model input, how pixels become numbers,
// and where the labels are. Plain values; the field names are those of quantd.v1.DataInput, so that
// an error that names a field means the same thing to the client.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quantd {

enum class DataFormat {
  kAuto,  // By each file's name, then by its first bytes.
  kNpy,
  kNpz,
  kIdx,         // MNIST family, plain or gzip.
  kImages,      // JPEG and PNG, one row a file, ordered by name.
  kOnnxTensor,  // Serialized onnx.TensorProto.
};

enum class PixelLayout { kNchw, kNhwc };

enum class ChannelOrder {
  kUnspecified,  // RGB; one gray plane where the model's input has one channel.
  kRgb,
  kBgr,
  kGray,  // ITU-R BT.601 luma: 0.299 R + 0.587 G + 0.114 B, not rounded.
};

// From a stored pixel or number x to what the model is fed: resize, centre crop, channel order,
// then (x * scale - mean) / std in double precision, then the layout. Arrays take the last two
// steps; the geometric ones only when their elements are uint8 and their rows look like images
// (array_source.h).
struct Preprocessing {
  int32_t resize_width = 0;   // Pixels; both or none. Ignores the aspect ratio.
  int32_t resize_height = 0;  // Pixels.
  int32_t resize_shorter_side =
      0;                   // Pixels; the longer side follows, rounded down. Excludes the two above.
  int32_t crop_width = 0;  // Pixels around the centre; both or none.
  int32_t crop_height = 0;
  PixelLayout layout = PixelLayout::kNchw;
  ChannelOrder channels = ChannelOrder::kUnspecified;
  double scale = 1;          // Finite, not 0.
  std::vector<double> mean;  // Empty (0), one for all channels, or one a channel.
  std::vector<double> std;   // Empty (1), one for all channels, or one a channel; each > 0.
};

enum class LabelKind {
  kNone,
  kArray,           // `array`: a file (.npy, IDX, .csv, .pb) or a key of the .npz; one entry a row.
  kFolderName,      // First folder of each image's name; classes in byte order are 0, 1, ...
  kFileNamePrefix,  // The integer before the first '_' of each image's base name.
};

struct LabelSpec {
  LabelKind kind = LabelKind::kNone;
  std::string array;
  int32_t column = 0;  // Of a two-dimensional `array` or a .csv; from 0.
};

struct DataSpec {
  DataFormat format = DataFormat::kAuto;
  // Model input -> file name, or array key of an .npz. May be empty when there is one input and one
  // array, or when the arrays bear the inputs' names.
  std::map<std::string, std::string> bindings;
  Preprocessing preprocessing;
  LabelSpec labels;
};

}  // namespace quantd
