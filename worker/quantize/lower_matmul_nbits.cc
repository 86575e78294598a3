// com.microsoft.MatMulNBits stores W [N, K], a row after the other, in blocks along K; see the layout in
// worker/backend/cpu/matmul_nbits.cc. Its codes are unsigned: signed ones are moved up by half of their range, zero points too,
// so that the values are the same bit for bit.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/formats/convert_tensor.h"
#include "worker/quantize/lower_model.h"

namespace quantd {
namespace {

constexpr char kDomain[] = "com.microsoft";

// A matrix as the graph stores it.
struct BlockedMatrix {
  Tensor codes;  // One a byte, [K, N] or [N, K].
  Tensor scale;  // [blocks, N] or [N, blocks].
  Tensor zero_point;
  int bits = 4;
  int32_t offset = 0;  // What makes a code unsigned.
  int64_t block_size = 0;
  bool rows_are_k = true;

  int64_t k() const { return codes.dim(rows_are_k ? 0 : 1); }
  int64_t n() const { return codes.dim(rows_are_k ? 1 : 0); }
  int64_t blocks() const { return scale.dim(rows_are_k ? 0 : 1); }
  int64_t CodeIndex(int64_t row, int64_t k_index) const {
    return rows_are_k ? k_index * n() + row : row * k() + k_index;
  }
  int64_t BlockIndex(int64_t row, int64_t block) const {
    return rows_are_k ? block * n() + row : row * blocks() + block;
  }
};

int32_t ByteAt(const Tensor& codes, int64_t i) {
  return codes.dtype() == DataType::kInt8 ? codes.data<int8_t>()[i] : codes.data<uint8_t>()[i];
}

Tensor Unpacked(const Tensor& codes) { return IsPacked(codes.dtype()) ? UnpackIntegers(codes) : codes; }

// The matrix that `unpack` makes, when it is one that MatMulNBits can hold with `input_axis` as K.
std::optional<BlockedMatrix> MatrixOf(const Graph& graph, const Node& unpack, int64_t input_axis) {
  if (!unpack.Is("DequantizeLinear") || unpack.inputs.size() != 3) return std::nullopt;
  std::vector<Tensor> inputs;
  for (const std::string& name : unpack.inputs) {
    const auto it = graph.initializers.find(name);
    if (it == graph.initializers.end()) return std::nullopt;
    inputs.push_back(it->second);
  }
  const DataType type = inputs[0].dtype();
  const bool is_signed = type == DataType::kInt2 || type == DataType::kInt4 || type == DataType::kInt8;
  const bool is_unsigned = type == DataType::kUint2 || type == DataType::kUint4 || type == DataType::kUint8;
  BlockedMatrix matrix{.bits = BitsOf(type), .block_size = unpack.Int("block_size", 0),
                       .rows_are_k = input_axis == 0};
  if (!(is_signed || is_unsigned) || inputs[0].rank() != 2 || inputs[1].dtype() != DataType::kFloat ||
      matrix.block_size < 16 || unpack.Int("axis", 1) != input_axis) {
    return std::nullopt;
  }
  matrix.codes = Unpacked(inputs[0]);
  matrix.scale = inputs[1];
  matrix.zero_point = Unpacked(inputs[2]);
  matrix.offset = is_signed ? 1 << (matrix.bits - 1) : 0;
  return matrix;
}

void PutBits(uint8_t* bytes, int64_t index, int bits, int32_t code) {
  uint8_t& byte = bytes[index * bits / 8];
  byte = static_cast<uint8_t>(byte | code << (index * bits % 8));
}

// [N, blocks, block_size * bits / 8]. What stands behind K is the zero point: it counts for nothing.
Tensor PackedCodes(const BlockedMatrix& m) {
  Tensor packed(DataType::kUint8, {m.n(), m.blocks(), m.block_size * m.bits / 8});
  uint8_t* bytes = packed.mutable_data<uint8_t>();
  for (int64_t row = 0; row < m.n(); ++row) {
    for (int64_t i = 0; i < m.blocks() * m.block_size; ++i) {
      const int32_t code = i < m.k() ? ByteAt(m.codes, m.CodeIndex(row, i))
                                     : ByteAt(m.zero_point, m.BlockIndex(row, i / m.block_size));
      PutBits(bytes, row * m.blocks() * m.block_size + i, m.bits, code + m.offset);
    }
  }
  return packed;
}

Tensor RowScales(const BlockedMatrix& m) {
  Tensor scales(DataType::kFloat, {m.n(), m.blocks()});
  for (int64_t i = 0; i < scales.size(); ++i) {
    scales.mutable_data<float>()[i] = m.scale.data<float>()[m.BlockIndex(i / m.blocks(), i % m.blocks())];
  }
  return scales;
}

// [N, ceil(blocks * bits / 8)]; nothing where all are what an absent input means, half of the range.
std::optional<Tensor> PackedZeroPoints(const BlockedMatrix& m) {
  const int64_t row_bytes = (m.blocks() * m.bits + 7) / 8;
  Tensor packed(DataType::kUint8, {m.n(), row_bytes});
  bool all_middle = true;
  for (int64_t row = 0; row < m.n(); ++row) {
    for (int64_t block = 0; block < m.blocks(); ++block) {
      const int32_t zero = ByteAt(m.zero_point, m.BlockIndex(row, block)) + m.offset;
      all_middle &= zero == 1 << (m.bits - 1);
      PutBits(packed.mutable_data<uint8_t>() + row * row_bytes, block, m.bits, zero);
    }
  }
  if (all_middle) return std::nullopt;
  return packed;
}

class Lowering {
 public:
  // `graph` is that of the model or a body in it.
  Lowering(Model& model, Graph& graph) : model_(model), graph_(graph) {
    for (const Node& node : graph_.nodes) {
      for (const std::string& output : node.outputs) producer_[output] = node;
    }
  }

  absl::Status Run() {
    std::vector<Node> nodes;
    for (Node& node : graph_.nodes) {
      if (!Lower(node, nodes)) nodes.push_back(std::move(node));
    }
    graph_.nodes = std::move(nodes);
    for (Node& node : graph_.nodes) {
      if (node.Is("DequantizeLinear")) WidenCodes(node);
      for (auto& [key, value] : node.attributes) {
        auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
        if (body == nullptr) continue;
        auto lowered = std::make_shared<Graph>(**body);
        RETURN_IF_ERROR(Lowering(model_, *lowered).RunInBody());
        *body = std::move(lowered);
      }
    }
    RETURN_IF_ERROR(SortTopologically(graph_));
    RemoveDeadNodes(graph_);
    return absl::OkStatus();
  }

  // Bodies read names from around them, so that nothing can be sorted or dropped by looking at them alone.
  absl::Status RunInBody() {
    const std::vector<ValueInfo> inputs = graph_.inputs;
    std::set<std::string> made;
    for (const ValueInfo& input : inputs) made.insert(input.name);
    for (const auto& [name, tensor] : graph_.initializers) made.insert(name);
    for (const Node& node : graph_.nodes) made.insert(node.outputs.begin(), node.outputs.end());
    std::set<std::string> captured;
    const auto note = [&](const std::string& name) {
      if (!name.empty() && made.count(name) == 0 && captured.insert(name).second) graph_.inputs.push_back({.name = name});
    };
    for (const Node& node : graph_.nodes) std::for_each(node.inputs.begin(), node.inputs.end(), note);
    for (const ValueInfo& output : graph_.outputs) note(output.name);
    RETURN_IF_ERROR(Run());
    graph_.inputs = inputs;
    return absl::OkStatus();
  }

 private:
  // Appends what takes the node's place; false when it stays.
  bool Lower(const Node& node, std::vector<Node>& nodes) {
    const bool is_gemm = node.Is("Gemm");
    if (!(node.Is("MatMul") || is_gemm) || node.inputs.size() < 2) return false;
    if (is_gemm && (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1)) {
      return false;
    }
    const auto unpack = producer_.find(node.inputs[1]);
    if (unpack == producer_.end()) return false;
    const int64_t input_axis = is_gemm && node.Int("transB", 0) != 0 ? 1 : 0;
    const std::optional<BlockedMatrix> matrix = MatrixOf(graph_, unpack->second, input_axis);
    if (!matrix) return false;
    const std::string bias = is_gemm && node.inputs.size() > 2 ? node.inputs[2] : "";
    Node product{.name = node.name,
                 .op_type = "MatMulNBits",
                 .domain = kDomain,
                 .inputs = {node.inputs[0]},
                 .outputs = {bias.empty() ? node.outputs[0] : FreshTensorName(graph_, node.outputs[0] + "_product")},
                 .attributes = {{"K", matrix->k()},
                                {"N", matrix->n()},
                                {"bits", int64_t{matrix->bits}},
                                {"block_size", matrix->block_size}}};
    for (std::string& name : Store(unpack->second, *matrix)) product.inputs.push_back(std::move(name));
    model_.opset_imports[kDomain] = 1;
    if (!bias.empty()) {
      nodes.push_back(Node{.name = absl::StrCat(node.name, "_bias"),
                           .op_type = "Add",
                           .inputs = {product.outputs[0], bias},
                           .outputs = {node.outputs[0]}});
    }
    nodes.push_back(std::move(product));
    return true;
  }

  // Runtimes know 2 bits in MatMulNBits only: what stays in a DequantizeLinear is stored in 4 bits, with the same values.
  void WidenCodes(const Node& node) {
    for (const size_t i : {size_t{0}, size_t{2}}) {
      const auto it = i < node.inputs.size() ? graph_.initializers.find(node.inputs[i]) : graph_.initializers.end();
      if (it == graph_.initializers.end()) continue;
      const DataType type = it->second.dtype();
      if (type == DataType::kInt2) it->second = PackIntegers(UnpackIntegers(it->second), DataType::kInt4);
      if (type == DataType::kUint2) it->second = PackIntegers(UnpackIntegers(it->second), DataType::kUint4);
    }
  }

  // Initializers for the codes, scales and zero points; the same ones for all readers of one matrix.
  std::vector<std::string> Store(const Node& unpack, const BlockedMatrix& matrix) {
    const auto [it, is_new] = stored_.emplace(absl::StrCat(unpack.name, matrix.rows_are_k ? "" : "'"),
                                              std::vector<std::string>());
    std::vector<std::string>& names = it->second;
    if (!is_new) return names;
    const auto add = [&](const std::string& base, Tensor tensor) {
      const std::string name = FreshTensorName(graph_, base);
      graph_.initializers[name] = std::move(tensor);
      names.push_back(name);
    };
    add(unpack.inputs[0] + "_packed", PackedCodes(matrix));
    add(unpack.inputs[1] + "_packed", RowScales(matrix));
    std::optional<Tensor> zero_points = PackedZeroPoints(matrix);
    if (zero_points) add(unpack.inputs[2] + "_packed", *std::move(zero_points));
    return names;
  }

  Model& model_;
  Graph& graph_;
  std::map<std::string, Node> producer_;
  std::map<std::string, std::vector<std::string>> stored_;
};

}  // namespace

absl::StatusOr<Model> LowerToMatMulNBits(const Model& simulated) {
  Model model = simulated;
  RETURN_IF_ERROR(Lowering(model, model.graph).Run());
  return model;
}

}  // namespace quantd
