// The engine's side of speed_table.js, which compares it with ONNX Runtime; see
// docs/performance.md.
#include <dnnl.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "tests/bench/speed/feeds.h"
#include "tests/bench/speed/profile.h"
#include "tests/bench/speed/serve.h"
#include "tests/support/models/bert.h"
#include "tests/support/models/graph_builder.h"
#include "tests/support/models/resnet.h"
#include "tests/support/models/vit.h"
#include "worker/io/onnx/reader.h"
#include "worker/io/onnx/writer.h"

namespace quantd::bench {
namespace {

constexpr char kHelp[] =
    "usage: speed_table generate DIR                       writes resnet50, bert_base, vit_b16, "
    "empty\n"
    "       speed_table inputs MODEL BATCH SEQUENCE FEEDS  writes inputs, prints the batch\n"
    "       speed_table serve MODEL FEEDS THREADS          runs on demand "
    "(tests/bench/speed/serve.h)\n"
    "       speed_table memory MODEL FEEDS THREADS         prints peak memory\n"
    "       speed_table profile MODEL FEEDS ROUNDS         prints time by operator and node\n"
    "       speed_table isa                                prints what oneDNN runs on\n";

using Arguments = std::vector<std::string>;

absl::StatusOr<int64_t> Number(const std::string& text) {
  int64_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1) return number;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no positive number"));
}

absl::Status Write(const Model& model, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, SerializeOnnxModel(model));
  return WriteFileAtomically(path, bytes);
}

absl::Status Generate(const Arguments& arguments) {
  RETURN_IF_ERROR(CreateFolders(arguments[0]));
  RETURN_IF_ERROR(Write(testing::MakeResNet(), arguments[0] + "/resnet50.onnx"));
  RETURN_IF_ERROR(Write(testing::MakeBert(), arguments[0] + "/bert_base.onnx"));
  RETURN_IF_ERROR(Write(testing::MakeVit(), arguments[0] + "/vit_b16.onnx"));
  // Nothing to compute: a run of it takes what a call costs.
  testing::GraphBuilder empty("empty", 0);
  const std::string x = empty.Input("x", DataType::kFloat, {{.extent = 1}});
  empty.Output(empty.Op("", "Identity", {x}), {{.extent = 1}});
  return Write(empty.Build(13), arguments[0] + "/empty.onnx");
}

absl::Status Inputs(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const int64_t batch, Number(arguments[1]));
  ASSIGN_OR_RETURN(const int64_t sequence, Number(arguments[2]));
  ASSIGN_OR_RETURN(const Model model, ReadOnnxModel(arguments[0], {}));
  const std::string name = std::filesystem::path(arguments[0]).stem().string();
  ASSIGN_OR_RETURN(const TensorMap feeds, MakeFeeds(model.graph, name, batch, sequence));
  // What the model says of its batch may differ from what was asked for.
  std::printf("%lld\n", static_cast<long long>(feeds.begin()->second.dim(0)));
  return WriteTensors(feeds, arguments[3], kInputIndex);
}

absl::StatusOr<ServeOptions> MakeServeOptions(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const int64_t threads, Number(arguments[2]));
  return ServeOptions{
      .model = arguments[0], .feeds = arguments[1], .threads = static_cast<int>(threads)};
}

absl::Status ServeModel(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const ServeOptions options, MakeServeOptions(arguments));
  return Serve(options);
}

absl::Status Memory(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const ServeOptions options, MakeServeOptions(arguments));
  return MeasureMemory(options);
}

absl::Status Profile(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const int64_t rounds, Number(arguments[2]));
  return PrintProfile({.model = arguments[0], .feeds = arguments[1]}, static_cast<int>(rounds));
}

absl::Status Isa(const Arguments&) {
  const std::map<int, std::string> names = {
      {dnnl_cpu_isa_sse41, "SSE4.1"},
      {dnnl_cpu_isa_avx, "AVX"},
      {dnnl_cpu_isa_avx2, "AVX2"},
      {dnnl_cpu_isa_avx2_vnni, "AVX2 with VNNI"},
      {dnnl_cpu_isa_avx512_core, "AVX-512"},
      {dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI"},
      {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with VNNI and bf16"},
      {dnnl_cpu_isa_avx512_core_amx, "AVX-512 with AMX"}};
  const auto it = names.find(dnnl_get_effective_cpu_isa());
  std::puts(it == names.end() ? "other" : it->second.c_str());
  return absl::OkStatus();
}

struct Command {
  size_t arguments;
  std::function<absl::Status(const Arguments&)> run;
};

int Main(const Arguments& words) {
  const std::map<std::string, Command> commands = {
      {"generate", {1, Generate}}, {"inputs", {4, Inputs}},   {"serve", {3, ServeModel}},
      {"memory", {3, Memory}},     {"profile", {3, Profile}}, {"isa", {0, Isa}}};
  const auto it = words.empty() ? commands.end() : commands.find(words[0]);
  if (it == commands.end() || words.size() != it->second.arguments + 1) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  const absl::Status status = it->second.run({words.begin() + 1, words.end()});
  if (status.ok()) return 0;
  std::fprintf(stderr, "speed_table: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace quantd::bench

int main(int argc, char** argv) { return quantd::bench::Main({argv + 1, argv + argc}); }
