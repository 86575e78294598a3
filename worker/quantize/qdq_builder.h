// Writes quantization into a graph as QuantizeLinear/DequantizeLinear pairs: the form that runtimes load, and
// that our executor runs as the simulation. One graph is both, so what is evaluated is what is exported.
//
// Conventions: an activation gets one QuantizeLinear and each quantized consumer a DequantizeLinear of its own;
// weights are stored as codes before a DequantizeLinear, embeddings behind the Gather; biases as int32 with scale = activation scale x weight scale.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/graph/graph.h"

namespace quantd {

// How real numbers map to codes: x ~ scale * (code - zero_point). Scalars, [channels] along an axis, or in blocks: the
// tensor's shape with the extent of the axis divided by the block size and rounded up.
struct AffineCode {
  Tensor scale;       // float, > 0.
  Tensor zero_point;  // Of the codes' type, the shape of `scale`.
};

// An initializer as codes.
struct CodedTensor {
  Tensor codes;
  AffineCode code;
  int axis = 0;  // Of a per-channel code or of blocks; ignored for scalars.
  int64_t block_size = 0;  // 0: no blocks.
};

class QdqBuilder {
 public:
  // `graph` is borrowed and changed in place.
  explicit QdqBuilder(Graph& graph);

  // Input `input_index` of `node` reads `tensor` through codes from now on. All calls for one tensor must give
  // the same code. REQUIRES: the node exists and reads the tensor there.
  void QuantizeActivation(const std::string& node, size_t input_index, const AffineCode& code);

  // The same for an initializer, stored as codes.
  void QuantizeInitializer(const std::string& node, size_t input_index, const CodedTensor& coded);

  // A Gather looks up codes of its table, and what it found is dequantized: the table is never unpacked as a whole. Codes
  // run per tensor, or one a row of the axis that is gathered from (then its zero points are 0).
  void GatherCodes(const std::string& node, const CodedTensor& table);

  // `tensor` is from now on the dequantized value of its codes; what its node makes gets another name. Nodes that read it
  // through QuantizeActivation() read the same codes. REQUIRES: a node makes it.
  void ReplaceTensor(const std::string& tensor, const AffineCode& code);

  // The product of a MatMul or Gemm with the matrix in input 1 is taken of integers: the other input gets its codes at run
  // time, once for all nodes that read it. In the nodes and their order this is what ONNX Runtime's dynamic quantizer
  // writes and its optimizer fuses. REQUIRES: a Gemm with alpha = beta = 1 that does not transpose its first input; codes of 8
  // bits, one a column or one for all.
  void MultiplyIntegers(const std::string& node, const CodedTensor& weight);

  // Places the new nodes and drops initializers that nothing reads any more.
  absl::Status Finish();

 private:
  struct Coded {
    std::string codes;
    std::pair<std::string, std::string> code_names;
  };

  struct DynamicCodes {
    std::string codes, scale, zero_point;
  };

  // The codes that a tensor gets at run time, made when they are first asked for.
  const DynamicCodes& CodesAtRunTime(const std::string& tensor);
  Node& FindNode(const std::string& name);
  // The codes of an activation, made when they are first asked for.
  const Coded& Codes(const std::string& tensor, const AffineCode& code);
  void GatherPerRow(Node& gather, const std::string& name, const CodedTensor& table);
  std::string Fresh(const std::string& base);
  // Adds scale and zero point as initializers; returns their names.
  std::pair<std::string, std::string> AddCode(const std::string& tensor, const AffineCode& code);
  std::string AddDequantize(const std::string& tensor, const std::string& codes,
                            const std::pair<std::string, std::string>& code_names, int axis,
                            int64_t block_size = 0);

  Graph& graph_;
  std::map<std::string, size_t> node_index_;
  std::set<std::string> used_;
  std::map<std::string, Coded> activations_;
  std::map<std::string, Coded> initializers_;
  std::map<std::string, DynamicCodes> dynamic_;
  std::map<std::string, std::string> renamed_;  // Replaced tensors: what their nodes call them now.
  std::vector<Node> added_;
};

}  // namespace quantd
