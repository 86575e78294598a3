#include "worker/io/onnx/graph_proto.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "worker/graph/operator_arity.h"
#include "worker/io/onnx/attribute_proto.h"
#include "worker/io/onnx/errors.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd::onnx_io {
namespace {

// Of the operators that rewrites make for the executor. They trust what they are given.
constexpr char kOwnDomain[] = "quantd";
// Of a message that quotes names.
constexpr size_t kSortProblemBytesMax = 600;

absl::StatusOr<ValueInfo> ValueInfoFromProto(const onnx::ValueInfoProto& proto,
                                             absl::string_view field) {
  ValueInfo info{.name = proto.name()};
  if (info.name.empty()) return BadGraph(field, "has no name");
  RETURN_IF_ERROR(CheckText(field, "name", info.name));
  if (!proto.has_type() || proto.type().value_case() == onnx::TypeProto::VALUE_NOT_SET) return info;
  const onnx::TypeProto* tensor = &proto.type();
  if (tensor->has_optional_type()) {
    info.is_optional = true;
    tensor = &tensor->optional_type().elem_type();
  }
  if (tensor->has_sequence_type()) {
    info.is_sequence = true;
    tensor = &tensor->sequence_type().elem_type();
  }
  if (!tensor->has_tensor_type()) {
    return UnsupportedModel(field,
                            "is no tensor, sequence of tensors or optional one; maps, sparse tensors "
                            "and sequences of sequences are not supported");
  }
  const onnx::TypeProto::Tensor& type = tensor->tensor_type();
  if (type.elem_type() < 0) {
    return BadGraph(field, absl::StrCat("has the element type ", type.elem_type()));
  }
  info.dtype = static_cast<DataType>(type.elem_type());
  info.has_shape = type.has_shape();
  if (type.shape().dim_size() > kTensorRankMax) {
    return BadGraph(field, absl::StrCat("has more than ", kTensorRankMax, " axes"));
  }
  for (const onnx::TensorShapeProto::Dimension& dim : type.shape().dim()) {
    Dimension dimension;
    // Exporters write -1, and other negative numbers, for an extent that they do not know.
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      dimension.extent = dim.dim_value();
    } else {
      RETURN_IF_ERROR(CheckText(field, "extent's name", dim.dim_param()));
      dimension.symbol = dim.dim_param();
    }
    info.shape.push_back(std::move(dimension));
  }
  // No tensor could have such a shape, whatever the unknown extents are.
  Shape known;
  for (const Dimension& dimension : info.shape) {
    if (dimension.extent >= 0) known.push_back(dimension.extent);
  }
  if (const absl::StatusOr<int64_t> count = CheckedElementCount(known); !count.ok()) {
    return BadGraph(field, absl::string_view(count.status().message()));
  }
  return info;
}

// Reads one graph. Bodies inside it are read by further objects, one level deeper.
class GraphBuilder {
 public:
  GraphBuilder(ExternalData& external_data, std::string path, int depth)
      : external_data_(external_data), path_(std::move(path)), depth_(depth) {}

  absl::StatusOr<Graph> Build(onnx::GraphProto& proto) {
    RETURN_IF_ERROR(CheckText(path_, "name", proto.name()));
    graph_.name = proto.name();
    RETURN_IF_ERROR(ReadInitializers(proto));
    RETURN_IF_ERROR(ReadValues(proto));
    for (const onnx::NodeProto& node : proto.node()) {
      if (!node.name().empty()) node_names_.insert(node.name());
    }
    for (int i = 0; i < proto.node_size(); ++i) RETURN_IF_ERROR(ReadNode(*proto.mutable_node(i), i));
    RETURN_IF_ERROR(Sort());
    return std::move(graph_);
  }

  // What the graph reads from outside; complete after Build().
  const std::set<std::string>& captures() const { return captures_; }

 private:
  // A node name that is in nobody's use: `base`, else base_1, base_2, ... Counting goes on where it stopped, else n
  // nodes of one name would take n^2 steps.
  std::string UniqueName(const std::string& base) {
    std::string name = base;
    while (!node_names_.insert(name).second) name = absl::StrCat(base, "_", ++name_counts_[base]);
    return name;
  }

  absl::Status AddInitializer(const std::string& name, Tensor tensor, const std::string& field) {
    if (name.empty()) return BadTensor(field, "has no name");
    RETURN_IF_ERROR(CheckText(field, "name", name));
    if (!graph_.initializers.emplace(name, std::move(tensor)).second) {
      return BadGraph(field, absl::StrCat("tensor '", Shown(name), "' is made more than once"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadInitializers(onnx::GraphProto& proto) {
    for (const onnx::SparseTensorProto& sparse : proto.sparse_initializer()) {
      return UnsupportedModel(FieldOf(path_, "sparse_initializer", sparse.values().name()),
                              "sparse tensors are not supported; store it densely");
    }
    for (onnx::TensorProto& initializer : *proto.mutable_initializer()) {
      const std::string field = FieldOf(path_, "initializer", initializer.name());
      ASSIGN_OR_RETURN(Tensor tensor, TakeTensor(initializer, field, external_data_));
      RETURN_IF_ERROR(AddInitializer(initializer.name(), std::move(tensor), field));
    }
    return absl::OkStatus();
  }

  absl::Status ReadValues(const onnx::GraphProto& proto) {
    std::set<std::string> names;
    for (const onnx::ValueInfoProto& input : proto.input()) {
      const std::string field = FieldOf(path_, "input", input.name());
      if (graph_.initializers.count(input.name()) > 0) {
        // Up to IR version 3 every initializer had to be listed as an input. The inputs of a body
        // are known by position, so none may go there.
        if (depth_ == 0) continue;
        return BadGraph(field, "is an initializer too");
      }
      if (!names.insert(input.name()).second) return BadGraph(field, "is listed twice");
      ASSIGN_OR_RETURN(ValueInfo info, ValueInfoFromProto(input, field));
      graph_.inputs.push_back(std::move(info));
    }
    for (const onnx::ValueInfoProto& output : proto.output()) {
      ASSIGN_OR_RETURN(ValueInfo info,
                       ValueInfoFromProto(output, FieldOf(path_, "output", output.name())));
      graph_.outputs.push_back(std::move(info));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Graph>> ReadBody(onnx::GraphProto& proto,
                                                        absl::string_view field) {
    if (depth_ + 1 > kSubgraphDepthMax) {
      return BadGraph(path_.substr(0, 200),
                      absl::StrCat("graphs are nested more than ", kSubgraphDepthMax, " deep"));
    }
    GraphBuilder body(external_data_, std::string(field), depth_ + 1);
    ASSIGN_OR_RETURN(Graph graph, body.Build(proto));
    reads_.insert(body.captures().begin(), body.captures().end());
    return std::make_shared<const Graph>(std::move(graph));
  }

  absl::Status ReadNode(onnx::NodeProto& proto, int position) {
    Node node{.op_type = proto.op_type(),
              .domain = proto.domain() == "ai.onnx" ? std::string() : proto.domain(),
              .inputs = {proto.input().begin(), proto.input().end()},
              .outputs = {proto.output().begin(), proto.output().end()}};
    // A given name was put aside in Build(), so the first node that has it may take it as it is.
    node.name =
        !proto.name().empty() && taken_.insert(proto.name()).second
            ? proto.name()
            : UniqueName(proto.name().empty() ? absl::StrCat(node.op_type, "_", position)
                                              : proto.name());
    const std::string field = FieldOf(path_, "node", node.name);
    if (node.op_type.empty()) return BadGraph(field, "has no operator type");
    RETURN_IF_ERROR(CheckText(field, "name", node.name));
    RETURN_IF_ERROR(CheckText(field, "operator type", node.op_type));
    RETURN_IF_ERROR(CheckText(field, "domain", node.domain));
    for (const std::string& output : node.outputs) RETURN_IF_ERROR(CheckText(field, "output's name", output));
    const BodyReader read_body = [this](onnx::GraphProto& body,
                                        absl::string_view body_field) {
      return ReadBody(body, body_field);
    };
    for (onnx::AttributeProto& attribute : *proto.mutable_attribute()) {
      const std::string attribute_field = FieldOf(field, "attribute", attribute.name());
      RETURN_IF_ERROR(CheckText(attribute_field, "name", attribute.name()));
      ASSIGN_OR_RETURN(AttributeValue value,
                       AttributeFromProto(attribute, attribute_field, external_data_, read_body));
      if (!node.attributes.emplace(attribute.name(), std::move(value)).second) {
        return BadGraph(attribute_field, "is given twice");
      }
    }
    if (node.Is("Constant")) {
      if (node.outputs.size() != 1) return BadGraph(field, "a Constant has exactly one output");
      ASSIGN_OR_RETURN(Tensor value, ConstantValue(node, field));
      return AddInitializer(node.outputs[0], std::move(value), field);
    }
    if (node.domain == kOwnDomain) {
      return UnsupportedModel(field, absl::StrCat("is of domain '", kOwnDomain, "', which no file may use"));
    }
    if (const std::string problem = ArityProblem(node); !problem.empty()) return BadGraph(field, problem);
    for (const std::string& input : node.inputs) RETURN_IF_ERROR(CheckText(field, "input's name", input));
    reads_.insert(node.inputs.begin(), node.inputs.end());
    graph_.nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  // A body may read what the graphs around it make. Those names stand in as inputs while it is
  // sorted; that somebody makes them is checked when the graph around it is sorted.
  absl::Status Sort() {
    for (const ValueInfo& output : graph_.outputs) reads_.insert(output.name);
    for (const ValueInfo& input : graph_.inputs) reads_.erase(input.name);
    for (const auto& [name, tensor] : graph_.initializers) reads_.erase(name);
    for (const Node& node : graph_.nodes) {
      for (const std::string& output : node.outputs) reads_.erase(output);
    }
    reads_.erase("");
    captures_ = std::move(reads_);
    const size_t own_inputs = graph_.inputs.size();
    if (depth_ > 0) {
      for (const std::string& name : captures_) graph_.inputs.push_back({.name = name});
    }
    if (const absl::Status sorted = SortTopologically(graph_); !sorted.ok()) {
      return BadGraph(path_, ToPlainText(absl::string_view(sorted.message()), kSortProblemBytesMax));
    }
    graph_.inputs.resize(own_inputs);
    return absl::OkStatus();
  }

  ExternalData& external_data_;
  const std::string path_;
  const int depth_;
  Graph graph_;
  std::set<std::string> node_names_;  // Given to, or reserved for, a node.
  std::map<std::string, int> name_counts_;
  std::set<std::string> taken_;       // Given names that their node has got.
  std::set<std::string> reads_;
  std::set<std::string> captures_;
};

}  // namespace

absl::StatusOr<Graph> GraphFromProto(onnx::GraphProto& proto, ExternalData& external_data) {
  return GraphBuilder(external_data, "model.graph", 0).Build(proto);
}

}  // namespace quantd::onnx_io
