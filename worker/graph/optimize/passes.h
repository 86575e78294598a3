// The passes, in the order of their files' names. Each does one thing; optimize.cc says in which order they run.
#pragma once

#include "worker/graph/optimize/pass_context.h"

namespace quantd::optimize {

// QKV heads, scores, softmax and context -> quantd.Attention on tensors whose heads still lie side by side.
bool FuseAttention(Graph& graph, const PassContext& context);

// Conv, with a residual sum and an activation behind it -> quantd.FusedConv.
bool FuseConv(Graph& graph, const PassContext& context);

// Element-wise expressions of one tensor that compute a known activation -> quantd.Activation.
bool FuseActivations(Graph& graph, const PassContext& context);

// QuantizeLinear and DequantizeLinear one after the other -> quantd.FakeQuantize, with the same bits.
bool FuseFakeQuantize(Graph& graph, const PassContext& context);

// Nodes whose inputs are all constants become constants.
bool FoldConstants(Graph& graph, const PassContext& context);

// Tensors of integers that shape inference knows become constants.
bool FoldShapes(Graph& graph, const PassContext& context);

// Normalization of the last axis written in pieces, or as the operator -> quantd.LayerNormalization.
bool FuseLayerNorm(Graph& graph, const PassContext& context);

// Layers between codes -> quantd.IntegerConv and quantd.IntegerMatMul. Not the same bits as the float simulation.
bool LowerToInteger(Graph& graph, const PassContext& context);

// MatMul or Gemm by constant weights, with bias, activation and residual behind it -> quantd.FusedMatMul.
bool FuseMatMul(Graph& graph, const PassContext& context);

// Add in front of a quantd.LayerNormalization becomes its residual input.
bool FuseSkipLayerNorm(Graph& graph, const PassContext& context);

// Equal nodes with equal inputs become one, and so do equal small constants.
bool MergeEqualNodes(Graph& graph, const PassContext& context);

// Convolutions over planes, and what lies between them, compute on [N, H, W, C]; Transposes stand where layouts meet.
bool MoveChannelsLast(Graph& graph, const PassContext& context);

// Reshape, Squeeze, Unsqueeze, Flatten behind each other become the last one's Reshape; Transposes are merged and
// those that change nothing dropped.
bool MergeReshapes(Graph& graph, const PassContext& context);
bool MergeTransposes(Graph& graph, const PassContext& context);

// Identity, Dropout at inference, Cast to the type that the tensor has, Reshape to the shape that it has.
bool RemoveNoOps(Graph& graph, const PassContext& context);

}  // namespace quantd::optimize
