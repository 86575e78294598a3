// A mapped file as protobuf's input stream. What protobuf has copied out of it leaves this process's memory, so that
// a file of weights is not held twice while it is parsed.
#pragma once

#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>
#include <cstdint>

#include "worker/io/onnx/mapped_file.h"

namespace quantd::onnx_io {

// Borrows the file. Not thread-safe.
class MappedStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit MappedStream(const MappedFile& file) : file_(file) {}

  bool Next(const void** data, int* size) override;
  void BackUp(int count) override { position_ -= static_cast<size_t>(count); }
  bool Skip(int count) override;
  int64_t ByteCount() const override { return static_cast<int64_t>(position_); }

 private:
  const MappedFile& file_;
  size_t position_ = 0;
  size_t forgotten_ = 0;  // Bytes in front that were given back.
};

}  // namespace quantd::onnx_io
