#include "worker/quantize/qdq_builder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace quantd {

QdqBuilder::QdqBuilder(Graph& graph) : graph_(graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    node_index_[node.name] = i;
    used_.insert(node.name);
    used_.insert(node.inputs.begin(), node.inputs.end());
    used_.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const ValueInfo& value : graph.inputs) used_.insert(value.name);
  for (const ValueInfo& value : graph.outputs) used_.insert(value.name);
  for (const auto& [name, tensor] : graph.initializers) used_.insert(name);
}

Node& QdqBuilder::FindNode(const std::string& name) {
  const auto it = node_index_.find(name);
  QUANTD_CHECK(it != node_index_.end());
  return graph_.nodes[it->second];
}

std::string QdqBuilder::Fresh(const std::string& base) {
  std::string name = base;
  for (int i = 1; !used_.insert(name).second; ++i) name = absl::StrCat(base, "_", i);
  return name;
}

std::pair<std::string, std::string> QdqBuilder::AddCode(const std::string& tensor,
                                                        const AffineCode& code) {
  std::pair<std::string, std::string> names(Fresh(tensor + "_scale"), Fresh(tensor + "_zero_point"));
  graph_.initializers[names.first] = code.scale;
  graph_.initializers[names.second] = code.zero_point;
  return names;
}

std::string QdqBuilder::AddDequantize(const std::string& tensor, const std::string& codes,
                                      const std::pair<std::string, std::string>& code_names,
                                      int axis) {
  const std::string output = Fresh(tensor + "_dequantized");
  Node node{.name = Fresh(output + "_node"),
            .op_type = "DequantizeLinear",
            .inputs = {codes, code_names.first, code_names.second},
            .outputs = {output}};
  if (axis >= 0) node.attributes["axis"] = int64_t{axis};
  added_.push_back(std::move(node));
  return output;
}

void QdqBuilder::QuantizeActivation(const std::string& node, size_t input_index,
                                    const AffineCode& code) {
  std::string& input = FindNode(node).inputs[input_index];
  auto it = activations_.find(input);
  if (it == activations_.end()) {
    Coded coded{.codes = Fresh(input + "_quantized"), .code_names = AddCode(input, code)};
    added_.push_back(Node{.name = Fresh(coded.codes + "_node"),
                          .op_type = "QuantizeLinear",
                          .inputs = {input, coded.code_names.first, coded.code_names.second},
                          .outputs = {coded.codes}});
    it = activations_.emplace(input, std::move(coded)).first;
  }
  input = AddDequantize(input, it->second.codes, it->second.code_names, /*axis=*/-1);
}

void QdqBuilder::QuantizeInitializer(const std::string& node, size_t input_index,
                                     const CodedTensor& coded) {
  std::string& input = FindNode(node).inputs[input_index];
  QUANTD_CHECK(graph_.initializers.count(input) > 0);
  // Codes of one initializer differ between consumers when their axes or scales do (a bias, a tied weight), so
  // only identical ones are shared.
  std::string suffix;
  auto it = initializers_.find(input);
  while (it != initializers_.end() &&
         !(IdenticalTensors(graph_.initializers[it->second.codes], coded.codes) &&
           IdenticalTensors(graph_.initializers[it->second.code_names.first], coded.code.scale))) {
    suffix += "'";
    it = initializers_.find(input + suffix);
  }
  if (it == initializers_.end()) {
    Coded added{.codes = Fresh(input + "_quantized"), .code_names = AddCode(input, coded.code)};
    graph_.initializers[added.codes] = coded.codes;
    it = initializers_.emplace(input + suffix, std::move(added)).first;
  }
  const bool per_channel = coded.code.scale.rank() > 0;
  input = AddDequantize(input, it->second.codes, it->second.code_names, per_channel ? coded.axis : -1);
}

absl::Status QdqBuilder::Finish() {
  graph_.nodes.insert(graph_.nodes.end(), std::make_move_iterator(added_.begin()),
                      std::make_move_iterator(added_.end()));
  added_.clear();
  RETURN_IF_ERROR(SortTopologically(graph_));
  RemoveDeadNodes(graph_);
  return absl::OkStatus();
}

}  // namespace quantd
