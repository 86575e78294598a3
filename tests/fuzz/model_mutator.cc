#include "tests/fuzz/model_mutator.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "tests/fuzz/vocabulary.h"

namespace quantd::testing {
namespace {

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::NodeProto;
using onnx::TensorProto;

// Numbers at which code breaks, as extents, axes, sizes and counts.
constexpr int64_t kNumbers[] = {0,  1,  2,  3,  4,   5,    7,    8,     12,    16,         32,         -1,
                                -2, -3, 64, 65, 255, 1024, 4096, 65536, 1 << 24, int64_t{1} << 31,
                                int64_t{1} << 32, int64_t{1} << 33, int64_t{1} << 60, int64_t{1} << 62,
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min(),
                                std::numeric_limits<int32_t>::max(),
                                std::numeric_limits<int32_t>::min()};
constexpr float kReals[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, 2.0f, 1e-30f, 1e30f, 3e38f,
                            std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()};

template <typename List>
auto& OneOf(Random& random, List& list) {
  return *std::next(std::begin(list), static_cast<std::ptrdiff_t>(random.Below(std::size(list))));
}

bool OneIn(Random& random, uint64_t n) { return random.Below(n) == 0; }

// Mostly small numbers, with which graphs still fit together.
int64_t Number(Random& random) {
  if (OneIn(random, 3)) return OneOf(random, kNumbers);
  return static_cast<int64_t>(random.Below(6)) - (OneIn(random, 6) ? 6 : 0);
}

float Real(Random& random) {
  if (OneIn(random, 2)) return OneOf(random, kReals);
  return static_cast<float>(random.Uniform() * 8 - 4);
}

class Mutator {
 public:
  Mutator(onnx::ModelProto& model, uint64_t seed) : model_(model), random_(seed) {}

  void Run() {
    for (uint64_t i = 1 + random_.Below(4); i > 0; --i) {
      graphs_.clear();
      CollectGraphs(*model_.mutable_graph());
      Step(*OneOf(random_, graphs_));
    }
  }

 private:
  void CollectGraphs(GraphProto& graph) {
    graphs_.push_back(&graph);
    for (NodeProto& node : *graph.mutable_node()) {
      for (AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) CollectGraphs(*attribute.mutable_g());
      }
    }
  }

  void Step(GraphProto& graph) {
    switch (random_.Below(20)) {
      case 0: return ChangeModel();
      case 1: return ChangeValueInfo(graph);
      case 2:
      case 3: return AddTensor(graph);
      case 4:
      case 5: return ChangeTensor(graph);
      case 6:
      case 7: return AddNode(graph);
      case 8: return DuplicateNode(graph);
      case 9: return DeleteNode(graph);
      case 10: return Nest(graph);
      case 11: return MakeInputConstant(graph);
      default: return ChangeNode(graph);
    }
  }

  void ChangeModel() {
    if (model_.opset_import_size() == 0) model_.add_opset_import();
    if (OneIn(random_, 8)) model_.set_ir_version(Number(random_));
    model_.mutable_opset_import(0)->set_version(OneIn(random_, 8) ? Number(random_)
                                                                  : 7 + random_.Below(15));
  }

  // A tensor's name that this graph, or one around it, knows. Sometimes none or a new one.
  std::string AnyName(const GraphProto& graph) {
    if (OneIn(random_, 24)) return "";
    if (OneIn(random_, 24)) return NewName();
    std::vector<std::string> names;
    for (const GraphProto* known : {&graph, static_cast<const GraphProto*>(graphs_[0])}) {
      for (const auto& input : known->input()) names.push_back(input.name());
      for (const auto& tensor : known->initializer()) names.push_back(tensor.name());
      for (const auto& node : known->node()) {
        names.insert(names.end(), node.output().begin(), node.output().end());
      }
      if (!OneIn(random_, 8)) break;
    }
    return names.empty() ? "" : OneOf(random_, names);
  }

  std::string ConstantName(const GraphProto& graph) {
    if (graph.initializer_size() == 0) return AnyName(graph);
    return OneOf(random_, graph.initializer()).name();
  }

  std::string NewName() { return absl::StrCat("t", random_.Below(1000)); }

  void ChangeValueInfo(GraphProto& graph) {
    auto& list = OneIn(random_, 2) ? *graph.mutable_input() : *graph.mutable_output();
    if (list.empty() || OneIn(random_, 8)) list.Add()->set_name(AnyName(graph));
    onnx::ValueInfoProto& value = OneOf(random_, list);
    if (OneIn(random_, 8)) value.set_name(AnyName(graph));
    auto& type = *value.mutable_type()->mutable_tensor_type();
    if (OneIn(random_, 3)) type.set_elem_type(static_cast<int>(random_.Below(17)));
    if (OneIn(random_, 3)) type.clear_shape();
    auto& shape = *type.mutable_shape();
    if (shape.dim_size() == 0 || OneIn(random_, 3)) shape.add_dim();
    auto& dim = OneOf(random_, *shape.mutable_dim());
    if (OneIn(random_, 2)) {
      dim.set_dim_param("N");
    } else {
      dim.set_dim_value(Number(random_));
    }
  }

  // A tensor that holds what it says, mostly.
  void FillTensor(TensorProto& tensor) {
    const std::string name = tensor.name();
    tensor.Clear();
    tensor.set_name(name);
    constexpr int kTypes[] = {1, 1, 1, 7, 7, 7, 7, 6, 2, 3, 9, 11, 10, 12, 16};
    tensor.set_data_type(OneOf(random_, kTypes));
    int64_t count = 1;
    for (uint64_t rank = random_.Below(5); rank > 0; --rank) {
      const auto extent = static_cast<int64_t>(random_.Below(OneIn(random_, 4) ? 9 : 4));
      if (count * extent > 256) break;
      tensor.add_dims(extent);
      count *= extent;
    }
    for (int64_t i = 0; i < count; ++i) {
      switch (tensor.data_type()) {
        case 1: tensor.add_float_data(Real(random_)); break;
        case 7: tensor.add_int64_data(Number(random_)); break;
        case 11: tensor.add_double_data(Real(random_)); break;
        case 12: tensor.add_uint64_data(random_.Below(9)); break;
        default: tensor.add_int32_data(static_cast<int>(random_.Below(2))); break;
      }
    }
  }

  void AddTensor(GraphProto& graph) {
    TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(NewName());
    FillTensor(tensor);
    if (graph.node_size() == 0) return;
    NodeProto& node = OneOf(random_, *graph.mutable_node());
    if (node.input_size() == 0 || OneIn(random_, 3)) {
      node.add_input(tensor.name());
    } else {
      OneOf(random_, *node.mutable_input()) = tensor.name();
    }
  }

  void ChangeTensor(GraphProto& graph) {
    if (graph.initializer_size() == 0) return AddTensor(graph);
    TensorProto& tensor = OneOf(random_, *graph.mutable_initializer());
    switch (random_.Below(6)) {
      case 0: return FillTensor(tensor);
      case 1: return tensor.set_data_type(static_cast<int>(random_.Below(17)));
      case 2: return ChangeExtents(tensor);
      case 3:
        tensor.set_data_location(TensorProto::EXTERNAL);
        return AddLocation(tensor);
      default: return ChangeElements(tensor);
    }
  }

  void AddLocation(TensorProto& tensor) {
    for (const char* key : {"location", "offset", "length"}) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(OneIn(random_, 2) ? absl::StrCat(Number(random_))
                                        : std::string(OneOf(random_, kStringValues)));
    }
  }

  // Extents that keep the number of elements where they can, so that the tensor stays whole.
  void ChangeExtents(TensorProto& tensor) {
    if (OneIn(random_, 4)) {
      if (tensor.dims_size() == 0) return tensor.add_dims(Number(random_));
      return tensor.set_dims(static_cast<int>(random_.Below(tensor.dims_size())), Number(random_));
    }
    auto& dims = *tensor.mutable_dims();
    if (dims.size() > 1 && OneIn(random_, 2)) {
      return dims.SwapElements(0, static_cast<int>(random_.Below(dims.size())));
    }
    if (dims.size() > 1 && OneIn(random_, 2)) {
      dims.Set(0, dims.Get(0) * dims.Get(1) % 4096);
      dims.erase(dims.begin() + 1);
      return;
    }
    dims.Add(1);
  }

  void ChangeElements(TensorProto& tensor) {
    if (tensor.has_raw_data() && !tensor.raw_data().empty()) {
      std::string& raw = *tensor.mutable_raw_data();
      const int64_t number = Number(random_);
      const size_t at = random_.Below(raw.size()) / 8 * 8;
      std::memcpy(&raw[at], &number, std::min(sizeof(number), raw.size() - at));
    } else if (tensor.int64_data_size() > 0) {
      OneOf(random_, *tensor.mutable_int64_data()) = Number(random_);
    } else if (tensor.float_data_size() > 0) {
      OneOf(random_, *tensor.mutable_float_data()) = Real(random_);
    } else if (tensor.int32_data_size() > 0) {
      OneOf(random_, *tensor.mutable_int32_data()) = static_cast<int32_t>(Number(random_));
    } else {
      FillTensor(tensor);
    }
  }

  void FillAttribute(AttributeProto& attribute) {
    const std::string name = attribute.name();
    attribute.Clear();
    attribute.set_name(name);
    switch (random_.Below(7)) {
      case 0:
        attribute.set_type(AttributeProto::FLOAT);
        return attribute.set_f(Real(random_));
      case 1:
        attribute.set_type(AttributeProto::STRING);
        return attribute.set_s(OneOf(random_, kStringValues));
      case 2:
        attribute.set_type(AttributeProto::TENSOR);
        return FillTensor(*attribute.mutable_t());
      case 3:
        attribute.set_type(AttributeProto::FLOATS);
        for (uint64_t i = random_.Below(5); i > 0; --i) attribute.add_floats(Real(random_));
        return;
      case 4:
        attribute.set_type(AttributeProto::INT);
        return attribute.set_i(Number(random_));
      default:
        attribute.set_type(AttributeProto::INTS);
        for (uint64_t i = random_.Below(5); i > 0; --i) attribute.add_ints(Number(random_));
        return;
    }
  }

  void ChangeAttribute(NodeProto& node) {
    if (node.attribute_size() == 0 || OneIn(random_, 4)) {
      AttributeProto& attribute = *node.add_attribute();
      attribute.set_name(OneOf(random_, kAttributeNames));
      return FillAttribute(attribute);
    }
    AttributeProto& attribute = OneOf(random_, *node.mutable_attribute());
    if (attribute.type() == AttributeProto::GRAPH && !OneIn(random_, 16)) return;
    if (OneIn(random_, 12)) return attribute.set_name(OneOf(random_, kAttributeNames));
    if (attribute.type() == AttributeProto::INT && !OneIn(random_, 8)) {
      return attribute.set_i(Number(random_));
    }
    if (attribute.type() == AttributeProto::INTS && !OneIn(random_, 8)) {
      if (attribute.ints_size() == 0 || OneIn(random_, 4)) return attribute.add_ints(Number(random_));
      OneOf(random_, *attribute.mutable_ints()) = Number(random_);
      return;
    }
    if (attribute.type() == AttributeProto::FLOAT && !OneIn(random_, 8)) {
      return attribute.set_f(Real(random_));
    }
    FillAttribute(attribute);
  }

  // A new node, somewhere, read by somebody: what nobody reads is dropped before it is looked at.
  void AddNode(GraphProto& graph) {
    NodeProto node;
    node.set_op_type(OneOf(random_, kOperatorTypes));
    const bool constant = OneIn(random_, 2);
    for (uint64_t i = 1 + random_.Below(4); i > 0; --i) {
      node.add_input(constant ? ConstantName(graph) : AnyName(graph));
    }
    for (uint64_t i = OneIn(random_, 6) ? 3 : 1; i > 0; --i) node.add_output(NewName());
    for (uint64_t i = random_.Below(3); i > 0; --i) ChangeAttribute(node);
    const std::string output = node.output(0);
    *graph.add_node() = std::move(node);
    if (graph.node_size() > 1 && !OneIn(random_, 3)) {
      NodeProto& reader = *graph.mutable_node(static_cast<int>(random_.Below(graph.node_size() - 1)));
      if (reader.input_size() > 0) {
        OneOf(random_, *reader.mutable_input()) = output;
        return;
      }
    }
    graph.add_output()->set_name(output);
  }

  void DuplicateNode(GraphProto& graph) {
    if (graph.node_size() == 0) return AddNode(graph);
    NodeProto node = OneOf(random_, graph.node());
    for (std::string& output : *node.mutable_output()) output = NewName();
    if (node.input_size() > 0 && OneIn(random_, 2)) {
      // A chain: the copy reads what the original makes.
      *node.mutable_input(0) = AnyName(graph);
    }
    if (node.output_size() > 0) graph.add_output()->set_name(node.output(0));
    *graph.add_node() = std::move(node);
  }

  void DeleteNode(GraphProto& graph) {
    if (graph.node_size() < 2) return;
    auto& nodes = *graph.mutable_node();
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(random_.Below(nodes.size())));
  }

  // Moves a copy of the graph into the body of a control-flow node.
  void Nest(GraphProto& graph) {
    if (graph.ByteSizeLong() > 4096) return;
    const GraphProto body = graph;
    constexpr const char* kTypes[] = {"If", "Loop", "Scan"};
    NodeProto& node = *graph.add_node();
    node.set_op_type(OneOf(random_, kTypes));
    for (uint64_t i = 1 + random_.Below(3); i > 0; --i) node.add_input(AnyName(graph));
    for (int i = 0; i < std::max(body.output_size(), 1); ++i) node.add_output(NewName());
    const bool branches = node.op_type() == "If";
    for (const char* name : {branches ? "then_branch" : "body", "else_branch"}) {
      AttributeProto& attribute = *node.add_attribute();
      attribute.set_name(name);
      attribute.set_type(AttributeProto::GRAPH);
      *attribute.mutable_g() = body;
      if (branches) attribute.mutable_g()->clear_input();
      if (!branches) break;
    }
    graph.add_output()->set_name(node.output(0));
  }

  // An input that becomes known, so that what reads it is computed before the model runs.
  void MakeInputConstant(GraphProto& graph) {
    if (graph.input_size() == 0) return;
    const int at = static_cast<int>(random_.Below(graph.input_size()));
    const onnx::ValueInfoProto input = graph.input(at);
    graph.mutable_input()->erase(graph.mutable_input()->begin() + at);
    const auto& type = input.type().tensor_type();
    TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(input.name());
    int64_t count = 1;
    for (const auto& dim : type.shape().dim()) {
      const int64_t extent = dim.dim_value() > 0 && dim.dim_value() < 16 ? dim.dim_value() : 1;
      if (count * extent > 1024) break;
      tensor.add_dims(extent);
      count *= extent;
    }
    tensor.set_data_type(type.elem_type());
    for (int64_t i = 0; i < count; ++i) {
      if (type.elem_type() == 1) tensor.add_float_data(Real(random_));
      if (type.elem_type() == 7) tensor.add_int64_data(Number(random_));
      if (type.elem_type() == 11) tensor.add_double_data(Real(random_));
      if (type.elem_type() == 12 || type.elem_type() == 13) tensor.add_uint64_data(random_.Below(9));
      if (type.elem_type() != 1 && type.elem_type() != 7) tensor.add_int32_data(static_cast<int>(i % 2));
    }
  }

  void ChangeNode(GraphProto& graph) {
    if (graph.node_size() == 0) return AddNode(graph);
    NodeProto& node = OneOf(random_, *graph.mutable_node());
    switch (random_.Below(10)) {
      case 0: return node.set_op_type(OneOf(random_, kOperatorTypes));
      case 1: return node.add_input(AnyName(graph));
      case 2:
        if (node.input_size() > 0) node.mutable_input()->RemoveLast();
        return;
      case 3:
        if (node.input_size() > 0) OneOf(random_, *node.mutable_input()) = AnyName(graph);
        return;
      case 4:
        if (node.input_size() > 0) OneOf(random_, *node.mutable_input()) = ConstantName(graph);
        return;
      case 5: return ChangeOutputs(graph, node);
      case 6:
        if (node.attribute_size() > 0 && OneIn(random_, 2)) node.mutable_attribute()->RemoveLast();
        return;
      default: return ChangeAttribute(node);
    }
  }

  void ChangeOutputs(GraphProto& graph, NodeProto& node) {
    switch (random_.Below(4)) {
      case 0: return node.add_output(NewName());
      case 1:
        if (node.output_size() > 0) node.mutable_output()->RemoveLast();
        return;
      case 2:
        if (node.output_size() > 0) OneOf(random_, *node.mutable_output()) = "";
        return;
      default:
        if (node.output_size() == 0) return;
        graph.add_output()->set_name(OneOf(random_, node.output()));
        return;
    }
  }

  onnx::ModelProto& model_;
  Random random_;
  std::vector<GraphProto*> graphs_;  // As they are before each step: the model's own first.
};

void FillSmallModel(onnx::ModelProto& model) {
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  GraphProto& graph = *model.mutable_graph();
  graph.add_input()->set_name("x");
  NodeProto& node = *graph.add_node();
  node.set_op_type("Relu");
  node.add_input("x");
  node.add_output("y");
  graph.add_output()->set_name("y");
}

// Puts a prefix before the tensors' names, so that two graphs fit into one. Bodies keep theirs.
void RenameTensors(GraphProto& graph, const char* prefix) {
  const auto rename = [prefix](std::string& name) {
    if (!name.empty()) name.insert(0, prefix);
  };
  for (auto& value : *graph.mutable_input()) rename(*value.mutable_name());
  for (auto& value : *graph.mutable_output()) rename(*value.mutable_name());
  for (auto& tensor : *graph.mutable_initializer()) rename(*tensor.mutable_name());
  for (NodeProto& node : *graph.mutable_node()) {
    for (std::string& name : *node.mutable_input()) rename(name);
    for (std::string& name : *node.mutable_output()) rename(name);
  }
}

size_t Write(const onnx::ModelProto& model, uint8_t* out, size_t size_max) {
  const size_t size = model.ByteSizeLong();
  if (size > size_max || !model.SerializeToArray(out, static_cast<int>(size_max))) return 0;
  return size;
}

}  // namespace

size_t MutateModel(uint8_t* data, size_t size, size_t size_max, uint32_t seed, ByteMutator mutate_bytes) {
  Random random(seed);
  onnx::ModelProto model;
  const bool parsed = model.ParseFromArray(data, static_cast<int>(size)) && model.has_graph();
  if (OneIn(random, 8) || (!parsed && !OneIn(random, 4))) return mutate_bytes(data, size, size_max);
  if (!parsed) {
    model.Clear();
    FillSmallModel(model);
  }
  Mutator(model, random.Next()).Run();
  const size_t written = Write(model, data, size_max);
  return written > 0 ? written : mutate_bytes(data, size, size_max);
}

size_t CrossModels(absl::string_view first, absl::string_view second, uint8_t* out, size_t size_max,
                   uint32_t seed) {
  Random random(seed);
  onnx::ModelProto a, b;
  if (!a.ParseFromArray(first.data(), static_cast<int>(first.size())) || a.graph().node_size() == 0 ||
      !b.ParseFromArray(second.data(), static_cast<int>(second.size())) || b.graph().node_size() == 0) {
    return 0;
  }
  RenameTensors(*b.mutable_graph(), "b");
  GraphProto& graph = *a.mutable_graph();
  const int own = graph.node_size();
  graph.mutable_node()->MergeFrom(b.graph().node());
  graph.mutable_initializer()->MergeFrom(b.graph().initializer());
  graph.mutable_input()->MergeFrom(b.graph().input());
  graph.mutable_output()->MergeFrom(b.graph().output());
  NodeProto& reader = *graph.mutable_node(
      own + static_cast<int>(random.Below(static_cast<uint64_t>(graph.node_size() - own))));
  const NodeProto& maker = graph.node(static_cast<int>(random.Below(static_cast<uint64_t>(own))));
  if (reader.input_size() > 0 && maker.output_size() > 0) {
    OneOf(random, *reader.mutable_input()) = maker.output(0);
  }
  return Write(a, out, size_max);
}

}  // namespace quantd::testing
