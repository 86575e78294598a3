#include "worker/exec/operator_support.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "worker/exec/control_flow/control_flow.h"

namespace quantd {
namespace {

struct Unsupported {
  std::string path;  // "loop.body.conv1"
  const Node* node;
};

void Collect(const Graph& graph, int64_t opset, const Backend& backend, const std::string& prefix,
             std::vector<Unsupported>& found) {
  for (const Node& node : graph.nodes) {
    const std::string path = absl::StrCat(prefix, node.name);
    if (!control_flow::IsControlFlow(node, opset) && !backend.Supports(node, opset)) {
      found.push_back({path, &node});
    }
    for (const auto& [key, value] : node.attributes) {
      const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (body == nullptr || *body == nullptr) continue;
      Collect(**body, opset, backend, absl::StrCat(path, ".", key, "."), found);
    }
  }
}

}  // namespace

absl::Status CheckSupport(const Graph& graph, int64_t opset, const Backend& backend) {
  std::vector<Unsupported> found;
  Collect(graph, opset, backend, "", found);
  if (found.empty()) return absl::OkStatus();
  const Node& first = *found[0].node;
  ErrorDetails details{.reason = "UNSUPPORTED_OPERATOR",
                       .metadata = {{"node", found[0].path},
                                    {"op_type", first.op_type},
                                    {"domain", first.domain}}};
  std::vector<std::string> named;
  for (const auto& [path, node] : found) {
    const std::string type =
        node->domain.empty() ? node->op_type : absl::StrCat(node->domain, ".", node->op_type);
    details.violations.push_back(
        {absl::StrCat("model.", path),
         absl::StrCat("operator ", type, " (opset ", opset, ") is not supported")});
    named.push_back(absl::StrCat(type, " at node '", path, "'"));
  }
  return MakeError(absl::StatusCode::kUnimplemented,
                   absl::StrCat("the model uses operators that are not supported: ",
                                absl::StrJoin(named, ", ")),
                   details);
}

absl::Status AllProblems(const absl::Status& missing, const std::vector<NodeProblem>& problems) {
  if (problems.empty()) return missing;
  const absl::Status& first = missing.ok() ? problems[0].status : missing;
  ErrorDetails details = GetErrorDetails(first);
  std::vector<std::string> messages;
  if (!missing.ok()) messages.emplace_back(missing.message());
  for (const NodeProblem& problem : problems) {
    messages.emplace_back(problem.status.message());
    details.violations.push_back({absl::StrCat("model.", problem.node), messages.back()});
  }
  return MakeError(first.code(), absl::StrJoin(messages, "; "), details);
}

}  // namespace quantd
