// How many inputs and outputs the operators of the ONNX domain have.
#pragma once

#include <string>

#include "worker/graph/graph.h"

namespace quantd {

// "" when the node has the inputs that its operator requires and no more inputs and outputs than it knows, in any of the
// versions that we read, else what is wrong. Readers refuse such nodes, so that rewrites may rely on required inputs
// being there. Operators that the table lacks, and those of other domains, only need an output.
std::string ArityProblem(const Node& node);

}  // namespace quantd
