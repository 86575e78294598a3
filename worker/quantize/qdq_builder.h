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

// How real numbers map to codes: x ~ scale * (code - zero_point). Scalars, or [channels] along an axis.
struct AffineCode {
  Tensor scale;       // float, > 0.
  Tensor zero_point;  // Of the codes' type, the shape of `scale`.
};

// An initializer as codes.
struct CodedTensor {
  Tensor codes;
  AffineCode code;
  int axis = 0;  // Of a per-channel code; ignored for scalars.
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

  // Places the new nodes and drops initializers that nothing reads any more.
  absl::Status Finish();

 private:
  struct Coded {
    std::string codes;
    std::pair<std::string, std::string> code_names;
  };

  Node& FindNode(const std::string& name);
  // The codes of an activation, made when they are first asked for.
  const Coded& Codes(const std::string& tensor, const AffineCode& code);
  void GatherPerRow(Node& gather, const std::string& name, const CodedTensor& table);
  std::string Fresh(const std::string& base);
  // Adds scale and zero point as initializers; returns their names.
  std::pair<std::string, std::string> AddCode(const std::string& tensor, const AffineCode& code);
  std::string AddDequantize(const std::string& tensor, const std::string& codes,
                            const std::pair<std::string, std::string>& code_names, int axis);

  Graph& graph_;
  std::map<std::string, size_t> node_index_;
  std::set<std::string> used_;
  std::map<std::string, Coded> activations_;
  std::map<std::string, Coded> initializers_;
  std::map<std::string, std::string> renamed_;  // Replaced tensors: what their nodes call them now.
  std::vector<Node> added_;
};

}  // namespace quantd
