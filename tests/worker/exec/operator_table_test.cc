// Keeps the table in docs/operators.md in step with the kernels. QUANTD_UPDATE_DOCS=1 in the environment writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/backend/cpu/kernel_table.h"
#include "worker/exec/control_flow/control_flow.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

constexpr char kPath[] = QUANTD_SOURCE_DIR "/docs/operators.md";
constexpr char kBegin[] = "<!-- The table is written by operator_table_test. -->\n";
constexpr char kEnd[] = "<!-- End of the table. -->\n";

const char* Description(cpu::Takes takes) {
  switch (takes) {
    case cpu::Takes::kFloat32: return "numbers; other floats by way of float32";
    case cpu::Takes::kFloats: return "numbers; 16-bit floats by way of float32";
    case cpu::Takes::kNumbers: return "numbers";
    case cpu::Takes::kPacked: return "numbers, packed ones too";
    case cpu::Takes::kStrings: return "numbers and strings";
    case cpu::Takes::kValues: return "everything";
  }
  return "";
}

struct Operator {
  std::set<int64_t> since;
  std::set<std::string> takes;
};

std::string Table() {
  std::map<std::string, Operator> operators;
  for (const cpu::KernelEntry& entry : cpu::AllKernels()) {
    // What rewrites make is nobody's to write.
    if (entry.domain == "quantd") continue;
    const std::string name =
        entry.domain.empty() ? std::string(entry.op_type) : absl::StrCat(std::string(entry.domain), ".", entry.op_type);
    Operator& op = operators[name];
    // A row may start before the oldest version that kernels see.
    op.since.insert(entry.domain.empty() ? std::max<int64_t>(entry.since, 7) : entry.since);
    op.takes.insert(Description(entry.takes));
  }
  for (const control_flow::Operator& op : control_flow::Operators()) {
    operators[std::string(op.op_type)] = {{std::max<int64_t>(op.since, 7)}, {"everything"}};
  }
  std::string table = "| operator | from opset | takes |\n|---|---|---|\n";
  for (const auto& [name, op] : operators) {
    absl::StrAppend(&table, "| ", name, " | ", *op.since.begin(), " | ", absl::StrJoin(op.takes, "; "), " |\n");
  }
  return table;
}

TEST(OperatorTableTest, TheDocumentListsWhatThereIs) {
  std::stringstream buffer;
  buffer << std::ifstream(kPath).rdbuf();
  const std::string text = buffer.str();
  const size_t begin = text.find(kBegin), end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const size_t table = begin + sizeof(kBegin) - 1;
  if (std::getenv("QUANTD_UPDATE_DOCS") != nullptr) {
    std::ofstream(kPath) << text.substr(0, table) << Table() << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(table, end - table), Table())
      << "write it anew with: QUANTD_UPDATE_DOCS=1 build/tests/exec_tests --gtest_filter='OperatorTable*'";
}

}  // namespace
}  // namespace quantd
