// onnx.AttributeProto to AttributeValue, and the constants that nodes carry in attributes.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/graph.h"
#include "worker/io/onnx/external_data.h"

namespace onnx {
class AttributeProto;
class GraphProto;
}  // namespace onnx

namespace quantd::onnx_io {

// Reads the body that an attribute holds; `field` is the path of the attribute.
using BodyReader = std::function<absl::StatusOr<std::shared_ptr<const Graph>>(
    onnx::GraphProto& proto, absl::string_view field)>;

// Tensors inside, those of bodies too, are taken out of `proto` (TakeTensor).
//
// Errors: BAD_GRAPH for an attribute without a value, UNSUPPORTED_MODEL for kinds that a Graph does
// not hold (lists of tensors or graphs, sparse tensors, types, references), those of tensors and
// bodies.
absl::StatusOr<AttributeValue> AttributeFromProto(onnx::AttributeProto& proto,
                                                  absl::string_view field,
                                                  ExternalData& external_data,
                                                  const BodyReader& read_body);

// The tensor that a Constant node makes: any of value, value_float(s), value_int(s), value_string(s). Its
// attributes are those that AttributeFromProto made. Errors: BAD_GRAPH.
absl::StatusOr<Tensor> ConstantValue(const Node& node, absl::string_view field);

}  // namespace quantd::onnx_io
