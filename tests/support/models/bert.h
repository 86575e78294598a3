// A BERT encoder (Devlin et al., 2018) with random weights, as PyTorch exports it below opset 17:
// LayerNorm and GELU come in pieces, heads are split by reshapes whose extents are read from the
// input. Opset 14, batch and sequence dynamic.
//
//   input_ids       [batch, sequence] int64, below `vocabulary`
//   attention_mask  [batch, sequence] int64, 1 for a token, 0 for padding
//   token_type_ids  [batch, sequence] int64, 0 or 1
//   outputs         the last hidden states [batch, sequence, hidden] and the pooled first one
//                   [batch, hidden], both float32
#pragma once

#include <cstdint>

#include "worker/graph/graph.h"

namespace quantd::testing {

struct BertOptions {
  int64_t layers = 12;
  int64_t hidden = 768;  // A multiple of `heads`.
  int64_t heads = 12;
  int64_t intermediate = 3072;
  int64_t vocabulary = 30522;
  int64_t sequence_max = 512;
  uint64_t seed = 110;
};

// The defaults are BERT-base: 109 million weights.
Model MakeBert(const BertOptions& options = {});

}  // namespace quantd::testing
