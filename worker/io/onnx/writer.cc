#include "worker/io/onnx/writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>

#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd {
namespace {

using onnx_io::FieldOf;

constexpr int64_t kModelBytesMax = std::numeric_limits<int32_t>::max();

absl::Status WriteGraph(const Graph& graph, const std::string& field, onnx::GraphProto& proto);

void WriteValueInfo(const ValueInfo& info, onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  if (info.dtype == DataType::kUndefined && !info.has_shape) return;
  onnx::TypeProto* outer = proto.mutable_type();
  if (info.is_optional) outer = outer->mutable_optional_type()->mutable_elem_type();
  if (info.is_sequence) outer = outer->mutable_sequence_type()->mutable_elem_type();
  onnx::TypeProto::Tensor& type = *outer->mutable_tensor_type();
  type.set_elem_type(static_cast<int32_t>(info.dtype));
  if (!info.has_shape) return;
  onnx::TensorShapeProto& shape = *type.mutable_shape();
  for (const Dimension& dimension : info.shape) {
    onnx::TensorShapeProto::Dimension& dim = *shape.add_dim();
    if (dimension.extent >= 0) {
      dim.set_dim_value(dimension.extent);
    } else if (!dimension.symbol.empty()) {
      dim.set_dim_param(dimension.symbol);
    }
  }
}

// Fills one AttributeProto; called by std::visit for each alternative of AttributeValue.
struct AttributeWriter {
  const std::string& field;
  onnx::AttributeProto& proto;

  absl::Status operator()(int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
    return absl::OkStatus();
  }
  absl::Status operator()(float value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(value);
    return absl::OkStatus();
  }
  absl::Status operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    proto.mutable_ints()->Assign(values.begin(), values.end());
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<float>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    proto.mutable_floats()->Assign(values.begin(), values.end());
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<std::string>& values) const {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
    return absl::OkStatus();
  }
  absl::Status operator()(const Tensor& tensor) const {
    if (!tensor.defined()) return onnx_io::BadTensor(field, "has no value");
    proto.set_type(onnx::AttributeProto::TENSOR);
    onnx_io::TensorToProto(tensor, "", *proto.mutable_t());
    return absl::OkStatus();
  }
  absl::Status operator()(const std::shared_ptr<const Graph>& body) const {
    if (body == nullptr) return onnx_io::BadTensor(field, "has no value");
    proto.set_type(onnx::AttributeProto::GRAPH);
    return WriteGraph(*body, field, *proto.mutable_g());
  }
};

absl::Status WriteNode(const Node& node, const std::string& field, onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op_type);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const auto& [key, value] : node.attributes) {
    onnx::AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(key);
    const std::string attribute_field = FieldOf(field, "attribute", key);
    RETURN_IF_ERROR(std::visit(AttributeWriter{attribute_field, attribute}, value));
  }
  return absl::OkStatus();
}

int64_t LowestIrVersion(DataType type) {
  switch (type) {
    case DataType::kFloat8E4M3FN:
    case DataType::kFloat8E4M3FNUZ:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2FNUZ:
      return 9;
    case DataType::kUint4:
    case DataType::kInt4:
      return 10;
    case DataType::kFloat4E2M1:
      return 11;
    case DataType::kUint2:
    case DataType::kInt2:
      return 13;
    default:
      return 0;
  }
}

// What the element types in the graph and its bodies need.
int64_t LowestIrVersionOfTypes(const Graph& graph) {
  int64_t version = 0;
  const auto note = [&](DataType type) { version = std::max(version, LowestIrVersion(type)); };
  for (const ValueInfo& value : graph.inputs) note(value.dtype);
  for (const ValueInfo& value : graph.outputs) note(value.dtype);
  for (const auto& [name, tensor] : graph.initializers) note(tensor.dtype());
  for (const Node& node : graph.nodes) {
    if (node.Is("Cast")) note(static_cast<DataType>(node.Int("to", 0)));
    for (const auto& [key, value] : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&value)) note(tensor->dtype());
      const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (body != nullptr && *body != nullptr) {
        version = std::max(version, LowestIrVersionOfTypes(**body));
      }
    }
  }
  return version;
}

absl::Status WriteGraph(const Graph& graph, const std::string& field, onnx::GraphProto& proto) {
  proto.set_name(graph.name);
  for (const Node& node : graph.nodes) {
    RETURN_IF_ERROR(WriteNode(node, FieldOf(field, "node", node.name), *proto.add_node()));
  }
  for (const auto& [name, tensor] : graph.initializers) {
    if (!tensor.defined()) {
      return onnx_io::BadTensor(FieldOf(field, "initializer", name), "has no value");
    }
    onnx_io::TensorToProto(tensor, name, *proto.add_initializer());
  }
  for (const ValueInfo& input : graph.inputs) WriteValueInfo(input, *proto.add_input());
  for (const ValueInfo& output : graph.outputs) WriteValueInfo(output, *proto.add_output());
  return absl::OkStatus();
}

}  // namespace

int64_t LowestIrVersion(int64_t opset) {
  // ONNX, docs/Versioning.md, "Released Versions".
  if (opset >= 25) return 13;
  if (opset >= 24) return 12;
  if (opset >= 23) return 11;
  if (opset >= 21) return 10;
  if (opset >= 19) return 9;
  if (opset >= 15) return 8;
  if (opset >= 12) return 7;
  if (opset >= 11) return 6;
  if (opset >= 10) return 5;
  return 4;
}

absl::StatusOr<std::string> SerializeOnnxModel(const Model& model) {
  onnx::ModelProto proto;
  proto.set_ir_version(std::max({model.ir_version, LowestIrVersion(model.opset()),
                                 LowestIrVersionOfTypes(model.graph)}));
  proto.set_producer_name(model.producer_name);
  proto.set_producer_version(model.producer_version);
  for (const auto& [domain, version] : model.opset_imports) {
    onnx::OperatorSetIdProto& import = *proto.add_opset_import();
    import.set_domain(domain);
    import.set_version(version);
  }
  for (const auto& [key, value] : model.metadata) {
    onnx::StringStringEntryProto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  RETURN_IF_ERROR(WriteGraph(model.graph, "model.graph", *proto.mutable_graph()));

  const auto bytes = static_cast<int64_t>(proto.ByteSizeLong());
  if (bytes > kModelBytesMax) return onnx_io::ModelTooLarge(bytes, kModelBytesMax);
  std::string serialized;
  serialized.reserve(static_cast<size_t>(bytes));
  {
    google::protobuf::io::StringOutputStream stream(&serialized);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    proto.SerializeWithCachedSizes(&output);
  }
  return serialized;
}

}  // namespace quantd
