#include "worker/io/onnx/functions.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"
#include "worker/io/onnx/graph_proto.h"

namespace quantd::onnx_io {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Key = std::pair<std::string, std::string>;  // Domain and name.

std::string Domain(const std::string& domain) { return domain == "ai.onnx" ? std::string() : domain; }

std::string FunctionField(const Key& key) { return FieldOf("model", "functions", key.second); }

// What a list of nodes becomes.
struct Size {
  int64_t nodes = 0;
  int64_t bytes = 0;
  int depth = 0;  // Of calls inside calls.

  void Add(const Size& other) {
    depth = std::max(depth, other.depth);
    // Saturating: the sums of nested calls double with every level.
    nodes = std::min(nodes + other.nodes, kExpandedNodesMax + 1);
    bytes = std::min(bytes + other.bytes, kExpandedBytesMax + 1);
  }
};

class Expansion {
 public:
  explicit Expansion(onnx::ModelProto& model) : model_(model) {}

  absl::Status Run() {
    for (const onnx::FunctionProto& function : model_.functions()) {
      const Key key(Domain(function.domain()), function.name());
      if (!functions_.emplace(key, &function).second) return BadGraph(FunctionField(key), "is defined twice");
    }
    ASSIGN_OR_RETURN(const Size size, SizeOfNodes(model_.graph().node()));
    if (size.nodes > kExpandedNodesMax || size.bytes > kExpandedBytesMax) {
      const std::string problem = absl::StrCat("its functions expand to more than ", kExpandedNodesMax,
                                               " nodes or ", kExpandedBytesMax, " bytes");
      return InvalidField("MODEL_TOO_LARGE", "model.functions", problem);
    }
    CollectNames(model_.graph());
    return ExpandGraph(*model_.mutable_graph());
  }

 private:
  const onnx::FunctionProto* Called(const onnx::NodeProto& node) const {
    const auto it = functions_.find(Key(Domain(node.domain()), node.op_type()));
    return it == functions_.end() ? nullptr : it->second;
  }

  absl::StatusOr<Size> SizeOfNodes(const Nodes& nodes) {
    Size size;
    for (const onnx::NodeProto& node : nodes) {
      size.Add({1, static_cast<int64_t>(node.ByteSizeLong())});
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (!attribute.has_g()) continue;
        ASSIGN_OR_RETURN(const Size body, SizeOfNodes(attribute.g().node()));
        size.Add(body);
      }
      if (const onnx::FunctionProto* function = Called(node)) {
        ASSIGN_OR_RETURN(const Size called, SizeOfFunction(*function));
        size.Add(called);
      }
    }
    return size;
  }

  // Computed once a function, so a nest of many levels costs no more than its text.
  absl::StatusOr<Size> SizeOfFunction(const onnx::FunctionProto& function) {
    const Key key(Domain(function.domain()), function.name());
    if (const auto it = sizes_.find(key); it != sizes_.end()) return it->second;
    if (!open_.insert(key).second) return BadGraph(FunctionField(key), "calls itself");
    RETURN_IF_ERROR(CheckVersions(function, FunctionField(key)));
    const absl::Status too_deep = BadGraph(
        FunctionField(key), absl::StrCat("functions are nested more than ", kFunctionDepthMax, " deep"));
    if (open_.size() > kFunctionDepthMax) return too_deep;
    ASSIGN_OR_RETURN(Size size, SizeOfNodes(function.node()));
    if (++size.depth > kFunctionDepthMax) return too_deep;
    open_.erase(key);
    sizes_[key] = size;
    return size;
  }

  absl::Status CheckVersions(const onnx::FunctionProto& function, const std::string& field) const {
    for (const onnx::OperatorSetIdProto& own : function.opset_import()) {
      for (const onnx::OperatorSetIdProto& outer : model_.opset_import()) {
        if (!Domain(own.domain()).empty() || !Domain(outer.domain()).empty() || own.version() == outer.version()) {
          continue;
        }
        return UnsupportedModel(field, absl::StrCat("is written for operator set ", own.version(), ", the model for ",
                                                    outer.version(), "; convert the model to one version"));
      }
    }
    return absl::OkStatus();
  }

  void CollectNames(const onnx::GraphProto& graph) {
    for (const auto& value : graph.input()) names_.insert(value.name());
    for (const auto& value : graph.output()) names_.insert(value.name());
    for (const auto& tensor : graph.initializer()) names_.insert(tensor.name());
    for (const onnx::NodeProto& node : graph.node()) {
      names_.insert(node.input().begin(), node.input().end());
      names_.insert(node.output().begin(), node.output().end());
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.has_g()) CollectNames(attribute.g());
      }
    }
  }

  // Counting on from the last number for this base: with many calls, trying from one would take time squared.
  std::string Fresh(const std::string& base) {
    int64_t& number = numbers_[base];
    std::string name;
    do {
      name = absl::StrCat(base, "_", ++number);
    } while (!names_.insert(name).second);
    return name;
  }

  absl::Status ExpandGraph(onnx::GraphProto& graph) {
    Nodes expanded;
    for (onnx::NodeProto& node : *graph.mutable_node()) RETURN_IF_ERROR(ExpandNode(node, expanded));
    graph.mutable_node()->Swap(&expanded);
    return absl::OkStatus();
  }

  absl::Status ExpandNode(onnx::NodeProto& node, Nodes& expanded) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) RETURN_IF_ERROR(ExpandGraph(*attribute.mutable_g()));
    }
    const onnx::FunctionProto* function = Called(node);
    if (function == nullptr) {
      expanded.Add()->Swap(&node);
      return absl::OkStatus();
    }
    Nodes body;
    RETURN_IF_ERROR(Instantiate(*function, node, body));
    for (onnx::NodeProto& inner : body) RETURN_IF_ERROR(ExpandNode(inner, expanded));
    return absl::OkStatus();
  }

  using Renames = std::map<std::string, std::string>;

  // The function's nodes with the names and attributes of the call.
  absl::Status Instantiate(const onnx::FunctionProto& function, const onnx::NodeProto& call, Nodes& body) {
    const std::string prefix = call.name().empty() ? function.name() : call.name();
    if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
      return BadGraph(FieldOf("model.graph", "node", prefix),
                      absl::StrCat("calls function '", Shown(function.name()), "' with ", call.input_size(),
                                   " inputs and ", call.output_size(), " outputs; it has ", function.input_size(),
                                   " and ", function.output_size()));
    }
    Renames renames;
    for (int i = 0; i < function.input_size(); ++i) {
      renames[function.input(i)] = i < call.input_size() ? call.input(i) : std::string();
    }
    std::vector<std::pair<std::string, std::string>> copies;  // Outputs that are inputs as they are: from, to.
    for (int i = 0; i < call.output_size(); ++i) {
      if (call.output(i).empty()) continue;
      const auto [it, is_new] = renames.emplace(function.output(i), call.output(i));
      if (!is_new) copies.emplace_back(it->second, call.output(i));
    }
    NameInner(function.node(), prefix, renames);
    for (const onnx::NodeProto& node : function.node()) {
      onnx::NodeProto& copy = *body.Add();
      copy = node;
      copy.set_name(absl::StrCat(prefix, "/", node.name().empty() ? node.op_type() : node.name()));
      Rewrite(copy, call, renames);
    }
    for (const auto& [from, to] : copies) {
      onnx::NodeProto& copy = *body.Add();
      copy.set_op_type("Identity");
      copy.set_name(absl::StrCat(prefix, "/Identity"));
      copy.add_input(from);
      copy.add_output(to);
    }
    return absl::OkStatus();
  }

  void Name(const std::string& inner, const std::string& prefix, Renames& renames) {
    if (!inner.empty() && renames.count(inner) == 0) renames[inner] = Fresh(absl::StrCat(prefix, "/", inner));
  }

  // Fresh names for all that the nodes make, in bodies too: a body may capture a tensor of the caller, which a name of
  // its own must not hide.
  void NameInner(const Nodes& nodes, const std::string& prefix, Renames& renames) {
    for (const onnx::NodeProto& node : nodes) {
      // Reads too: a function sees nothing of the caller's but its inputs.
      for (const std::string& input : node.input()) Name(input, prefix, renames);
      for (const std::string& output : node.output()) Name(output, prefix, renames);
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (!attribute.has_g()) continue;
        for (const auto& input : attribute.g().input()) Name(input.name(), prefix, renames);
        for (const auto& tensor : attribute.g().initializer()) Name(tensor.name(), prefix, renames);
        NameInner(attribute.g().node(), prefix, renames);
      }
    }
  }

  static void Apply(const Renames& renames, std::string& name) {
    if (const auto it = renames.find(name); it != renames.end()) name = it->second;
  }

  static void Rewrite(onnx::NodeProto& node, const onnx::NodeProto& call, const Renames& renames) {
    for (std::string& name : *node.mutable_input()) Apply(renames, name);
    for (std::string& name : *node.mutable_output()) Apply(renames, name);
    google::protobuf::RepeatedPtrField<onnx::AttributeProto> attributes;
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (!attribute.ref_attr_name().empty()) {
        for (const onnx::AttributeProto& given : call.attribute()) {
          if (given.name() != attribute.ref_attr_name()) continue;
          onnx::AttributeProto& value = *attributes.Add();
          value = given;
          value.set_name(attribute.name());
        }
        continue;
      }
      if (attribute.has_g()) RewriteBody(*attribute.mutable_g(), call, renames);
      attributes.Add()->Swap(&attribute);
    }
    node.mutable_attribute()->Swap(&attributes);
  }

  static void RewriteBody(onnx::GraphProto& body, const onnx::NodeProto& call, const Renames& renames) {
    for (auto& value : *body.mutable_input()) Apply(renames, *value.mutable_name());
    for (auto& value : *body.mutable_output()) Apply(renames, *value.mutable_name());
    for (auto& tensor : *body.mutable_initializer()) Apply(renames, *tensor.mutable_name());
    for (onnx::NodeProto& node : *body.mutable_node()) Rewrite(node, call, renames);
  }

  onnx::ModelProto& model_;
  std::map<Key, const onnx::FunctionProto*> functions_;
  std::map<Key, Size> sizes_;
  std::set<Key> open_;  // Functions whose size is being computed.
  std::set<std::string> names_;
  std::map<std::string, int64_t> numbers_;
};

}  // namespace

absl::Status ExpandFunctions(onnx::ModelProto& model) {
  if (model.functions_size() == 0) return absl::OkStatus();
  return Expansion(model).Run();
}

}  // namespace quantd::onnx_io
