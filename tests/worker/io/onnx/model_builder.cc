#include "tests/worker/io/onnx/model_builder.h"

#include <fstream>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "worker/io/onnx/reader.h"

namespace quantd::testing {
namespace {

std::string GraphDifference(const Graph& a, const Graph& b);

std::string ValueDifference(const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return "another kind";
  if (const auto* tensor = std::get_if<Tensor>(&a)) {
    return IdenticalTensors(*tensor, std::get<Tensor>(b)) ? "" : "another tensor";
  }
  if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&a)) {
    return GraphDifference(**body, *std::get<std::shared_ptr<const Graph>>(b));
  }
  const bool same = std::visit(
      [&b]<typename T>(const T& value) {
        if constexpr (std::is_same_v<T, Tensor>) {
          return false;  // Handled above; tensors have no operator==.
        } else {
          return value == std::get<T>(b);
        }
      },
      a);
  return same ? "" : "another value";
}

std::string ValueInfosDifference(const std::vector<ValueInfo>& a, const std::vector<ValueInfo>& b) {
  if (a.size() != b.size()) return "other count";
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].dtype != b[i].dtype || a[i].has_shape != b[i].has_shape ||
        a[i].shape.size() != b[i].shape.size()) {
      return a[i].name;
    }
    for (size_t axis = 0; axis < a[i].shape.size(); ++axis) {
      if (a[i].shape[axis].extent != b[i].shape[axis].extent ||
          a[i].shape[axis].symbol != b[i].shape[axis].symbol) {
        return absl::StrCat(a[i].name, " axis ", axis);
      }
    }
  }
  return "";
}

std::string NodeDifference(const Node& a, const Node& b) {
  if (a.name != b.name || a.op_type != b.op_type || a.domain != b.domain || a.inputs != b.inputs ||
      a.outputs != b.outputs || a.attributes.size() != b.attributes.size()) {
    return absl::StrCat("node ", a.name);
  }
  for (auto i = a.attributes.begin(), j = b.attributes.begin(); i != a.attributes.end(); ++i, ++j) {
    if (i->first != j->first) return absl::StrCat("attribute ", i->first);
    const std::string difference = ValueDifference(i->second, j->second);
    if (!difference.empty()) return absl::StrCat("node ", a.name, " ", i->first, ": ", difference);
  }
  return "";
}

std::string GraphDifference(const Graph& a, const Graph& b) {
  if (a.name != b.name) return "graph name";
  std::string difference = ValueInfosDifference(a.inputs, b.inputs);
  if (difference.empty()) difference = ValueInfosDifference(a.outputs, b.outputs);
  if (!difference.empty()) return difference;
  if (a.nodes.size() != b.nodes.size()) return "node count";
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    difference = NodeDifference(a.nodes[i], b.nodes[i]);
    if (!difference.empty()) return difference;
  }
  if (a.initializers.size() != b.initializers.size()) return "initializer count";
  for (auto i = a.initializers.begin(), j = b.initializers.begin(); i != a.initializers.end();
       ++i, ++j) {
    if (i->first != j->first || !IdenticalTensors(i->second, j->second)) return i->first;
  }
  return "";
}

void SetFloatVector(onnx::ValueInfoProto* value, const std::string& name, int64_t extent) {
  value->set_name(name);
  onnx::TypeProto::Tensor* type = value->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace

onnx::ModelProto ReluModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("g");
  SetFloatVector(graph->add_input(), "x", 2);
  SetFloatVector(graph->add_output(), "y", 2);
  AddNode(graph, "Relu", {"x"}, {"y"});
  return model;
}

onnx::NodeProto* AddNode(onnx::GraphProto* graph, const std::string& op_type,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs) {
  onnx::NodeProto* node = graph->add_node();
  node->set_op_type(op_type);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return node;
}

onnx::TensorProto* AddInitializer(onnx::GraphProto* graph, const std::string& name, int data_type,
                                  const std::vector<int64_t>& dims) {
  onnx::TensorProto* tensor = graph->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(data_type);
  for (const int64_t extent : dims) tensor->add_dims(extent);
  return tensor;
}

FileFolder::FileFolder() {
  absl::StatusOr<std::string> path = MakeTemporaryFolder("onnx_test");
  QUANTD_CHECK(path.ok());
  path_ = *std::move(path);
}

FileFolder::~FileFolder() { QUANTD_CHECK(RemoveAll(path_).ok()); }

std::string FileFolder::Write(const std::string& name, const std::string& bytes) const {
  const std::string path = absl::StrCat(path_, "/", name);
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

absl::StatusOr<Model> ReadBytes(const std::string& bytes,
                                const std::map<std::string, std::string>& external_files) {
  const FileFolder folder;
  return ReadOnnxModel(folder.Write("model.onnx", bytes), external_files);
}

absl::StatusOr<Model> Read(const onnx::ModelProto& proto,
                           const std::map<std::string, std::string>& external_files) {
  return ReadBytes(proto.SerializeAsString(), external_files);
}

std::string Difference(const Model& a, const Model& b) {
  if (a.opset_imports != b.opset_imports) return "opset imports";
  if (a.ir_version != b.ir_version) return "IR version";
  if (a.producer_name != b.producer_name || a.producer_version != b.producer_version) {
    return "producer";
  }
  if (a.metadata != b.metadata) return "metadata";
  return GraphDifference(a.graph, b.graph);
}

}  // namespace quantd::testing
