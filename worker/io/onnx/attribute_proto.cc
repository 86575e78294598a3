#include "worker/io/onnx/attribute_proto.h"

#include <onnx/onnx_pb.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd::onnx_io {
namespace {

using Proto = onnx::AttributeProto;

// Files from before IR version 2 leave the kind out; then the one field that is set tells it.
Proto::AttributeType KindOf(const Proto& proto) {
  if (proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.ints_size() > 0) return Proto::INTS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  return Proto::UNDEFINED;
}

}  // namespace

absl::StatusOr<AttributeValue> AttributeFromProto(Proto& proto, absl::string_view field,
                                                  ExternalData& external_data,
                                                  const BodyReader& read_body) {
  if (!proto.ref_attr_name().empty()) {
    return UnsupportedModel(field, "refers to an attribute of a function");
  }
  switch (KindOf(proto)) {
    case Proto::FLOAT:
      return AttributeValue(proto.f());
    case Proto::INT:
      return AttributeValue(int64_t{proto.i()});
    case Proto::STRING:
      return AttributeValue(proto.s());
    case Proto::FLOATS:
      return AttributeValue(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case Proto::INTS:
      return AttributeValue(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
    case Proto::STRINGS:
      return AttributeValue(
          std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    case Proto::TENSOR: {
      ASSIGN_OR_RETURN(Tensor tensor, TakeTensor(*proto.mutable_t(), field, external_data));
      return AttributeValue(std::move(tensor));
    }
    case Proto::GRAPH: {
      ASSIGN_OR_RETURN(std::shared_ptr<const Graph> body, read_body(*proto.mutable_g(), field));
      return AttributeValue(std::move(body));
    }
    case Proto::UNDEFINED:
      return BadGraph(field, "has no value of a known kind");
    default:
      return UnsupportedModel(
          field, absl::StrCat("attributes of kind ", Proto::AttributeType_Name(KindOf(proto)),
                              " are not supported"));
  }
}

absl::StatusOr<Tensor> ConstantValue(const Node& node, absl::string_view field) {
  if (node.attributes.size() != 1) {
    return BadGraph(field,
                    absl::StrCat("a Constant has exactly one value, not ", node.attributes.size()));
  }
  const auto& [key, value] = *node.attributes.begin();
  if (key == "value") {
    if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  } else if (key == "value_float") {
    if (const auto* one = std::get_if<float>(&value)) return Tensor::Scalar(*one);
  } else if (key == "value_int") {
    if (const auto* one = std::get_if<int64_t>(&value)) return Tensor::Scalar(*one);
  } else if (key == "value_floats") {
    if (const auto* many = std::get_if<std::vector<float>>(&value)) {
      return Tensor::Of({static_cast<int64_t>(many->size())}, *many);
    }
  } else if (key == "value_ints") {
    if (const auto* many = std::get_if<std::vector<int64_t>>(&value)) {
      return Tensor::Of({static_cast<int64_t>(many->size())}, *many);
    }
  } else if (key == "value_string") {
    if (const auto* one = std::get_if<std::string>(&value)) return Tensor::Scalar(*one);
  } else if (key == "value_strings") {
    if (const auto* many = std::get_if<std::vector<std::string>>(&value)) {
      return Tensor::Of({static_cast<int64_t>(many->size())}, *many);
    }
  }
  return BadGraph(field, absl::StrCat("a Constant cannot hold attribute '", Shown(key), "'"));
}

}  // namespace quantd::onnx_io
