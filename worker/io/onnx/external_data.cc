#include "worker/io/onnx/external_data.h"

#include <onnx/onnx_pb.h>

#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"

namespace quantd::onnx_io {
namespace {

constexpr uint64_t kViewAlignment = 64;

struct Place {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
};

absl::StatusOr<int64_t> ParseBytes(absl::string_view field, const std::string& key,
                                   const std::string& text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 0) {
    return BadExternalData(field, absl::StrCat(key, " '", Shown(text), "' is no count of bytes"));
  }
  return value;
}

absl::Status CheckLocation(absl::string_view field, const std::string& location) {
  if (location.empty()) return BadExternalData(field, "names no location");
  if (location.find('\0') != std::string::npos) {
    return BadExternalData(field, "the location holds a NUL byte");
  }
  if (location.front() == '/') {
    return BadExternalData(field, absl::StrCat("the location '", Shown(location),
                                               "' is an absolute path; write a relative one"));
  }
  for (const absl::string_view part : absl::StrSplit(location, absl::ByAnyChar("/\\"))) {
    if (part == "..") {
      return BadExternalData(field, absl::StrCat("the location '", Shown(location),
                                                 "' leaves the model's folder"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Place> PlaceOf(const onnx::TensorProto& proto, absl::string_view field) {
  Place place;
  for (const onnx::StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      place.location = entry.value();
    } else if (entry.key() == "offset") {
      ASSIGN_OR_RETURN(place.offset, ParseBytes(field, "offset", entry.value()));
    } else if (entry.key() == "length") {
      ASSIGN_OR_RETURN(place.length, ParseBytes(field, "length", entry.value()));
    }
  }
  RETURN_IF_ERROR(CheckLocation(field, place.location));
  return place;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> ExternalData::File(const std::string& location,
                                                                     absl::string_view field) {
  std::shared_ptr<const MappedFile>& file = open_[location];
  if (file != nullptr) return file;
  const auto it = files_.find(location);
  if (it == files_.end()) {
    return BadExternalData(field, absl::StrCat("the file '", Shown(location),
                                               "' did not come with the model; upload it too"));
  }
  // The model's author chose the file's content, and must not choose with it what else is read. It is the open itself
  // that refuses links: one could be put there after any check before it.
  absl::StatusOr<std::shared_ptr<const MappedFile>> opened = MappedFile::Open(it->second, Links::kRefuse);
  if (absl::IsInvalidArgument(opened.status())) {
    return BadExternalData(field, absl::StrCat("the file '", Shown(location), "': ", opened.status().message()));
  }
  if (!opened.ok()) return Annotate(opened.status(), field);
  if ((*opened)->content().empty()) {
    return BadExternalData(field, absl::StrCat("the file '", Shown(location), "' is empty"));
  }
  if (IsGitLfsPointer((*opened)->content())) {
    return BadExternalData(field, absl::StrCat("the file '", Shown(location), "': ", kIsGitLfsPointer));
  }
  file = *std::move(opened);
  return file;
}

absl::StatusOr<Tensor> ExternalData::Load(const onnx::TensorProto& proto, absl::string_view field,
                                          DataType dtype, const Shape& shape) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedElementCount(shape));
  const auto bytes = static_cast<int64_t>(BytesFor(dtype, count));
  ASSIGN_OR_RETURN(const Place place, PlaceOf(proto, field));
  if (place.length.has_value() && *place.length != bytes) {
    return BadExternalData(field, absl::StrCat("length is ", *place.length, " bytes, but ",
                                               DataTypeName(dtype), ShapeString(shape), " has ",
                                               bytes));
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, File(place.location, field));
  const auto file_bytes = static_cast<int64_t>(file->content().size());
  if (place.offset > file_bytes || bytes > file_bytes - place.offset) {
    return BadExternalData(field, absl::StrCat("needs ", bytes, " bytes at offset ", place.offset,
                                               ", but the file '", Shown(place.location), "' has ",
                                               file_bytes));
  }
  const char* const begin = file->content().data() + place.offset;
  if (static_cast<uint64_t>(place.offset) % kViewAlignment == 0 &&
      dtype != DataType::kBool && count * BitsOf(dtype) % 8 == 0) {
    return Tensor::View(dtype, shape, begin, file);
  }
  Tensor tensor(dtype, shape);
  if (bytes > 0) std::memcpy(tensor.mutable_raw(), begin, static_cast<size_t>(bytes));
  return tensor;
}

}  // namespace quantd::onnx_io
