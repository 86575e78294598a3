// Makes a graph fast to run: the pipeline of passes that an executor applies to its own copy. The result computes the
// same outputs, up to the rounding of fused arithmetic, may hold operators of the domain "quantd", and is never
// written to a file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/graph/optimize/pass_context.h"

namespace quantd {

// Tensors named in `keep` still exist afterwards, with the values that the nodes around them give. Nodes stay in
// topological order. Deterministic; time about linear in the number of nodes.
//
// With `any_layout` a kept tensor may be left in another order of its elements, under another name. Returns the name in
// the optimized graph of each tensor that was moved so.
std::map<std::string, std::string> Optimize(Graph& graph, const std::vector<std::string>& keep, bool any_layout,
                                            optimize::PassContext context);

}  // namespace quantd
