#include "worker/io/data/image_source.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "worker/io/data/convert.h"
#include "worker/io/data/data_errors.h"
#include "worker/io/data/image.h"
#include "worker/io/data/input_shape.h"
#include "worker/io/data/preprocess.h"

namespace quantd {
namespace {

using NamedPath = std::pair<std::string, std::string>;

absl::StatusOr<PixelRow> ReadImage(const NamedPath& file, const ValueInfo& input,
                                   const Preprocessing& preprocessing) {
  absl::StatusOr<std::string> bytes = ReadFile(file.second, kImageFileBytesMax);
  if (!bytes.ok()) return UnreadableData(file.first, bytes.status());
  if (bytes->empty()) return BadData(file.first, "the file is empty");
  if (IsGitLfsPointer(*bytes)) return BadData(file.first, kIsGitLfsPointer);
  absl::StatusOr<Image> image = DecodeImage(*bytes);
  if (!image.ok()) return BadData(file.first, image.status().message());
  const PixelView view{image->pixels.data(), image->width, image->height, image->channels};
  // Before the pixels become numbers of eight bytes each.
  const absl::StatusOr<Shape> shape = PreprocessedShape(view, preprocessing, input);
  if (shape.ok() && !FitsInput(*shape, input)) return InputShapeMismatch(file.first, *shape, input);
  absl::StatusOr<PixelRow> row = PreprocessPixels(view, preprocessing, input);
  if (!row.ok() && GetErrorDetails(row.status()).reason.empty()) {
    return BadData(file.first, row.status().message());
  }
  return row;
}

class ImageSource : public RowSource {
 public:
  ImageSource(std::vector<NamedPath> files, const ValueInfo& input, Preprocessing preprocessing,
              Shape row_shape)
      : files_(std::move(files)),
        input_(input),
        preprocessing_(std::move(preprocessing)),
        row_shape_(std::move(row_shape)) {}

  int64_t rows() const override { return static_cast<int64_t>(files_.size()); }
  const Shape& row_shape() const override { return row_shape_; }
  DataType dtype() const override { return input_.dtype; }

  absl::Status Read(int64_t row, void* out) const override {
    const NamedPath& file = files_[static_cast<size_t>(row)];
    ASSIGN_OR_RETURN(const PixelRow pixels, ReadImage(file, input_, preprocessing_));
    if (pixels.shape != row_shape_) {
      return InvalidField(
          "INPUT_SHAPE_MISMATCH", FileField(file.first),
          absl::StrCat("gives a row of shape ", ShapeString(pixels.shape), ", but '",
                       files_[0].first, "' gives ", ShapeString(row_shape_),
                       "; set preprocessing.resize and crop"));
    }
    switch (StoreAs(pixels.values.data(), static_cast<int64_t>(pixels.values.size()), input_.dtype,
                    out)) {
      case Conversion::kOk:
        return absl::OkStatus();
      case Conversion::kNotFinite:
        return NotFinite(file.first, "", row);
      case Conversion::kNotExact:
        break;
    }
    return BadData(file.first,
                   absl::StrCat("its preprocessed pixels are not of the model's input type ",
                                DataTypeName(input_.dtype)));
  }

 private:
  const std::vector<NamedPath> files_;
  const ValueInfo input_;
  const Preprocessing preprocessing_;
  const Shape row_shape_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> MakeImageSource(std::vector<NamedPath> files,
                                                           const ValueInfo& input,
                                                           const Preprocessing& preprocessing) {
  if (files.empty()) return EmptyData("");
  ASSIGN_OR_RETURN(const PixelRow first, ReadImage(files[0], input, preprocessing));
  if (!FitsInput(first.shape, input)) return InputShapeMismatch(files[0].first, first.shape, input);
  return std::make_unique<ImageSource>(std::move(files), input, preprocessing, first.shape);
}

}  // namespace quantd
