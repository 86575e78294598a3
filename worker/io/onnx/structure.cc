#include "worker/io/onnx/structure.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include "worker/io/onnx/errors.h"

namespace quantd::onnx_io {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// sizeof the schema's messages is 88 to 240 on a 64-bit machine; the allocation and the pointer to it come on top.
constexpr int64_t kMessageBytes = 200;
constexpr int64_t kStringBytes = 56;
// Of a google::protobuf::UnknownField.
constexpr int64_t kUnknownBytes = 16;

class Walk {
 public:
  Walk(absl::string_view model, int depth_max)
      : input_(reinterpret_cast<const uint8_t*>(model.data()), static_cast<int>(model.size())), depth_max_(depth_max) {}

  // False at the first thing that is malformed, too deep, or too much.
  bool Message(const Descriptor* type, int depth) {
    if (depth > depth_max_) return false;
    while (const uint32_t tag = input_.ReadTag()) {
      const FieldDescriptor* field = type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr && !Take(kUnknownBytes)) return false;
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&input_, tag)) return false;
      } else if (!Delimited(field, depth)) {
        return false;
      }
    }
    return input_.ConsumedEntireMessage() || input_.BytesUntilLimit() == 0;
  }

  bool too_much() const { return bytes_ > kStructureBytesMax; }

 private:
  bool Take(int64_t bytes) {
    bytes_ += bytes;
    return !too_much();
  }

  bool Delimited(const FieldDescriptor* field, int depth) {
    int length = 0;
    if (!input_.ReadVarintSizeAsInt(&length)) return false;
    if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!Take(kMessageBytes)) return false;
      const auto limit = input_.PushLimit(length);
      const bool whole = Message(field->message_type(), depth + 1);
      input_.PopLimit(limit);
      return whole;
    }
    const bool text = field == nullptr || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    return Take(text ? kStringBytes : 0) && input_.Skip(length);
  }

  google::protobuf::io::CodedInputStream input_;
  const int depth_max_;
  int64_t bytes_ = 0;
};

}  // namespace

absl::Status CheckStructure(absl::string_view model, int depth_max) {
  Walk walk(model, depth_max);
  walk.Message(onnx::ModelProto::descriptor(), 0);
  return walk.too_much() ? StructureTooLarge(kStructureBytesMax) : absl::OkStatus();
}

}  // namespace quantd::onnx_io
