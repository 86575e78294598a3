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
                                      int axis, int64_t block_size) {
  const std::string output = Fresh(tensor + "_dequantized");
  Node node{.name = Fresh(output + "_node"),
            .op_type = "DequantizeLinear",
            .inputs = {codes, code_names.first, code_names.second},
            .outputs = {output}};
  if (axis >= 0) node.attributes["axis"] = int64_t{axis};
  if (block_size > 0) node.attributes["block_size"] = block_size;
  added_.push_back(std::move(node));
  return output;
}

const QdqBuilder::Coded& QdqBuilder::Codes(const std::string& tensor, const AffineCode& code) {
  auto it = activations_.find(tensor);
  if (it == activations_.end()) {
    Coded coded{.codes = Fresh(tensor + "_quantized"), .code_names = AddCode(tensor, code)};
    added_.push_back(Node{.name = Fresh(coded.codes + "_node"),
                          .op_type = "QuantizeLinear",
                          .inputs = {tensor, coded.code_names.first, coded.code_names.second},
                          .outputs = {coded.codes}});
    it = activations_.emplace(tensor, std::move(coded)).first;
  }
  return it->second;
}

void QdqBuilder::QuantizeActivation(const std::string& node, size_t input_index,
                                    const AffineCode& code) {
  std::string& input = FindNode(node).inputs[input_index];
  const Coded& coded = Codes(input, code);
  input = AddDequantize(input, coded.codes, coded.code_names, /*axis=*/-1);
}

void QdqBuilder::ReplaceTensor(const std::string& tensor, const AffineCode& code) {
  const Coded& coded = Codes(tensor, code);
  renamed_[tensor] = Fresh(tensor + "_unquantized");
  added_.push_back(Node{.name = Fresh(tensor + "_dequantized_node"),
                        .op_type = "DequantizeLinear",
                        .inputs = {coded.codes, coded.code_names.first, coded.code_names.second},
                        .outputs = {tensor}});
}

void QdqBuilder::GatherCodes(const std::string& node, const CodedTensor& table) {
  Node& gather = FindNode(node);
  const std::string name = gather.inputs[0];
  if (table.code.scale.rank() > 0) {
    GatherPerRow(gather, name, table);
    return;
  }
  const std::string codes = Fresh(name + "_quantized");
  graph_.initializers[codes] = table.codes;
  const auto [scale, zero_point] = AddCode(name, table.code);
  const std::string found = Fresh(gather.outputs[0] + "_quantized");
  added_.push_back(Node{.name = Fresh(gather.outputs[0] + "_dequantized_node"),
                        .op_type = "DequantizeLinear",
                        .inputs = {found, scale, zero_point},
                        .outputs = {gather.outputs[0]}});
  gather.inputs[0] = codes;
  gather.outputs[0] = found;
}

// value = scale[row] x codes[row]: DequantizeLinear cannot take scales that are looked up for each index, so the
// product is spelled out.
void QdqBuilder::GatherPerRow(Node& gather, const std::string& name, const CodedTensor& table) {
  const std::string output = gather.outputs[0];
  const std::string codes = Fresh(name + "_quantized"), scales = Fresh(name + "_scale");
  Shape one_per_row(table.codes.rank(), 1);
  one_per_row[0] = table.codes.dim(0);
  graph_.initializers[codes] = table.codes;
  graph_.initializers[scales] = table.code.scale.Reshaped(one_per_row);
  const std::string found = Fresh(output + "_quantized"), number = Fresh(output + "_codes"),
                    scale = Fresh(output + "_scale");
  Node scale_gather = gather;
  scale_gather.name = Fresh(scale + "_node");
  scale_gather.inputs[0] = scales;
  scale_gather.outputs[0] = scale;
  added_.push_back(std::move(scale_gather));
  added_.push_back(Node{.name = Fresh(number + "_node"),
                        .op_type = "Cast",
                        .inputs = {found},
                        .outputs = {number},
                        .attributes = {{"to", static_cast<int64_t>(DataType::kFloat)}}});
  added_.push_back(Node{.name = Fresh(output + "_dequantized_node"),
                        .op_type = "Mul",
                        .inputs = {number, scale},
                        .outputs = {output}});
  gather.inputs[0] = codes;
  gather.outputs[0] = found;
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
  input = AddDequantize(input, it->second.codes, it->second.code_names, per_channel ? coded.axis : -1,
                        coded.block_size);
}

absl::Status QdqBuilder::Finish() {
  for (Node& node : graph_.nodes) {
    for (std::string& output : node.outputs) {
      const auto renamed = renamed_.find(output);
      if (renamed != renamed_.end()) output = renamed->second;
    }
  }
  for (Node& node : added_) {
    const auto renamed = renamed_.find(node.inputs[0]);
    if (node.op_type == "QuantizeLinear" && renamed != renamed_.end()) node.inputs[0] = renamed->second;
  }
  renamed_.clear();
  graph_.nodes.insert(graph_.nodes.end(), std::make_move_iterator(added_.begin()),
                      std::make_move_iterator(added_.end()));
  added_.clear();
  RETURN_IF_ERROR(SortTopologically(graph_));
  RemoveDeadNodes(graph_);
  return absl::OkStatus();
}

}  // namespace quantd
