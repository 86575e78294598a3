#include "worker/io/data/array_source.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/io/data/convert.h"
#include "worker/io/data/data_errors.h"
#include "worker/io/data/input_shape.h"
#include "worker/io/data/preprocess.h"

namespace quantd {
namespace {

int64_t Product(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t extent : shape) product *= extent;
  return product;
}

absl::Status ConversionError(Conversion conversion, const NamedArray& array, int64_t row,
                             DataType target) {
  if (conversion == Conversion::kOk) return absl::OkStatus();
  if (conversion == Conversion::kNotFinite) return NotFinite(array.file, array.key, row);
  return BadData(array.file,
                 absl::StrCat("row ", row, " holds a number that the model's input type ",
                              DataTypeName(target), " cannot represent"));
}

// Rows as they lie in the array.
class PlainSource : public RowSource {
 public:
  PlainSource(NamedArray array, Shape row_shape, DataType dtype, Normalization normalization)
      : array_(std::move(array)),
        row_shape_(std::move(row_shape)),
        row_elements_(Product(row_shape_)),
        dtype_(dtype),
        normalization_(std::move(normalization)) {}

  int64_t rows() const override { return array_.tensor.dim(0); }
  const Shape& row_shape() const override { return row_shape_; }
  DataType dtype() const override { return dtype_; }
  absl::Status Read(int64_t row, void* out) const override {
    return ConversionError(
        Convert(array_.tensor, row * row_elements_, row_elements_, normalization_, dtype_, out),
        array_, row, dtype_);
  }

 private:
  const NamedArray array_;
  const Shape row_shape_;
  const int64_t row_elements_;
  const DataType dtype_;
  const Normalization normalization_;
};

// Rows that are uint8 images.
class PixelSource : public RowSource {
 public:
  PixelSource(NamedArray array, PixelView first, const ValueInfo& input,
              Preprocessing preprocessing, Shape row_shape)
      : array_(std::move(array)),
        first_(first),
        input_(input),
        preprocessing_(std::move(preprocessing)),
        row_shape_(std::move(row_shape)) {}

  int64_t rows() const override { return array_.tensor.dim(0); }
  const Shape& row_shape() const override { return row_shape_; }
  DataType dtype() const override { return input_.dtype; }
  absl::Status Read(int64_t row, void* out) const override {
    PixelView image = first_;
    image.pixels += row * image.width * image.height * image.channels;
    ASSIGN_OR_RETURN(const PixelRow pixels, PreprocessPixels(image, preprocessing_, input_));
    return ConversionError(StoreAs(pixels.values.data(), static_cast<int64_t>(pixels.values.size()),
                                   input_.dtype, out),
                           array_, row, input_.dtype);
  }

 private:
  const NamedArray array_;
  const PixelView first_;
  const ValueInfo input_;
  const Preprocessing preprocessing_;
  const Shape row_shape_;
};

// How the first row can be read as an image: not at all, in one way, or, with one or three elements
// at both ends of its shape, in two.
std::vector<PixelView> AsImages(const Tensor& array) {
  if (array.dtype() != DataType::kUint8 || array.size() == 0) return {};
  const Shape& s = array.shape();
  std::vector<PixelView> views;
  const auto add = [&](int64_t channels, int64_t height, int64_t width, bool planes) {
    if ((channels != 1 && channels != 3) || height > kImageSideMax || width > kImageSideMax) return;
    views.push_back({array.data<uint8_t>(), static_cast<int32_t>(width),
                     static_cast<int32_t>(height), static_cast<int32_t>(channels), planes});
  };
  if (s.size() == 3) add(1, s[1], s[2], true);
  if (s.size() == 4) {
    add(s[1], s[2], s[3], true);
    add(s[3], s[1], s[2], false);
  }
  return views;
}

// The first of `views` that fits the input after preprocessing; the error of the first one
// otherwise.
absl::StatusOr<std::unique_ptr<RowSource>> MakePixelSource(NamedArray array,
                                                           const std::vector<PixelView>& views,
                                                           const ValueInfo& input,
                                                           const Preprocessing& preprocessing) {
  absl::Status first_error;
  for (const PixelView& view : views) {
    absl::StatusOr<PixelRow> row = PreprocessPixels(view, preprocessing, input);
    if (row.ok() && FitsInput(row->shape, input)) {
      return std::make_unique<PixelSource>(std::move(array), view, input, preprocessing,
                                           std::move(row->shape));
    }
    if (!first_error.ok()) continue;
    if (row.ok()) {
      first_error = InputShapeMismatch(array.file, row->shape, input);
    } else if (GetErrorDetails(row.status()).reason.empty()) {
      first_error = BadData(array.file, row.status().message());
    } else {
      first_error = row.status();
    }
  }
  return first_error;
}

absl::StatusOr<std::unique_ptr<RowSource>> MakePlainSource(NamedArray array, Shape row_shape,
                                                           const ValueInfo& input,
                                                           const Preprocessing& preprocessing) {
  int64_t channels = 1;
  int64_t inner = 1;
  if (!row_shape.empty()) {
    const bool last = preprocessing.layout == PixelLayout::kNhwc;
    channels = last ? row_shape.back() : row_shape.front();
    inner = last ? 1 : Product(row_shape) / channels;
  }
  ASSIGN_OR_RETURN(Normalization normalization, MakeNormalization(preprocessing, channels, inner));
  return std::make_unique<PlainSource>(std::move(array), std::move(row_shape), input.dtype,
                                       std::move(normalization));
}

absl::StatusOr<std::unique_ptr<RowSource>> Choose(NamedArray array, const ValueInfo& input,
                                                  const Preprocessing& preprocessing) {
  const Shape stored(array.tensor.shape().begin() + 1, array.tensor.shape().end());
  Shape row = stored;
  if (row.size() == 2 && input.has_shape && input.shape.size() == 4) {
    row.insert(preprocessing.layout == PixelLayout::kNchw ? row.begin() : row.end(), 1);
  }
  const bool geometry = ChangesGeometryOrChannels(preprocessing);
  const bool fits = FitsInput(row, input);
  if (fits && !geometry)
    return MakePlainSource(std::move(array), std::move(row), input, preprocessing);
  const std::vector<PixelView> images = AsImages(array.tensor);
  const bool rank_four = !input.has_shape || input.shape.size() == 4;
  if (!images.empty() && rank_four) {
    return MakePixelSource(std::move(array), images, input, preprocessing);
  }
  if (!fits) return InputShapeMismatch(array.file, stored, input);
  return BadPreprocessing(
      "", absl::StrCat("resize, crop and channels apply to images and to uint8 arrays of "
                       "images; '",
                       array.label, "' is neither"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> MakeArraySource(NamedArray array, const ValueInfo& input,
                                                           const Preprocessing& preprocessing) {
  if (array.tensor.rank() == 0)
    return BadData(array.file, "a single number, without an axis of rows");
  if (array.tensor.dim(0) == 0) return EmptyData(array.file);
  if (array.tensor.size() == 0 || !IsFeedable(array.tensor.dtype())) {
    return BadData(array.file,
                   absl::StrCat("rows of shape ", ShapeString(array.tensor.shape()), " and type ",
                                DataTypeName(array.tensor.dtype()), " cannot be fed"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RowSource> source,
                   Choose(std::move(array), input, preprocessing));
  std::vector<char> scratch(static_cast<size_t>(Product(source->row_shape())) *
                            SizeOf(source->dtype()));
  for (int64_t row = 0; row < source->rows(); ++row) {
    RETURN_IF_ERROR(source->Read(row, scratch.data()));
  }
  return source;
}

}  // namespace quantd
