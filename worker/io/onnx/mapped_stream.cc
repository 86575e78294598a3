#include "worker/io/onnx/mapped_stream.h"

#include <algorithm>

namespace quantd::onnx_io {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;

}  // namespace

bool MappedStream::Next(const void** data, int* size) {
  file_.Forget(forgotten_, position_);
  forgotten_ = position_;
  const size_t left = file_.content().size() - position_;
  if (left == 0) return false;
  *data = file_.content().data() + position_;
  *size = static_cast<int>(std::min(left, kChunkBytes));
  position_ += static_cast<size_t>(*size);
  return true;
}

bool MappedStream::Skip(int count) {
  const size_t left = file_.content().size() - position_;
  position_ += std::min(left, static_cast<size_t>(count));
  return static_cast<size_t>(count) <= left;
}

}  // namespace quantd::onnx_io
