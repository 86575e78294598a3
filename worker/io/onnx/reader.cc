#include "worker/io/onnx/reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"
#include "worker/graph/rewrites/legacy_opset.h"
#include "worker/io/onnx/external_data.h"
#include "worker/io/onnx/functions.h"
#include "worker/io/onnx/graph_proto.h"
#include "worker/io/onnx/mapped_file.h"
#include "worker/io/onnx/mapped_stream.h"
#include "worker/io/onnx/structure.h"

namespace quantd {
namespace {

using onnx_io::MalformedModel;

constexpr int64_t kModelBytesMax = std::numeric_limits<int32_t>::max();

// A body inside a body is three messages deeper: graph, node, attribute. The rest is for the types
// and tensors at the end of the way.
constexpr int kMessageDepthMax = 3 * (onnx_io::kSubgraphDepthMax + 2) + 10;

bool LooksLikeText(absl::string_view bytes) {
  const absl::string_view head = bytes.substr(0, 256);
  return std::all_of(head.begin(), head.end(), [](unsigned char c) {
    return c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7f);
  });
}

// What else a file may be that was taken for a model; empty when nothing fits.
std::string Guess(absl::string_view bytes) {
  using absl::StartsWith;
  if (IsGitLfsPointer(bytes)) return absl::StrCat("; ", kIsGitLfsPointer);
  if (StartsWith(bytes, "PK\x03\x04")) {
    return "; it begins like a zip archive (a PyTorch checkpoint is one too): export it to ONNX";
  }
  if (StartsWith(bytes, "\x89HDF\r\n\x1a\n")) {
    return "; it begins like HDF5 (a Keras model): export it to ONNX";
  }
  if (StartsWith(bytes, "\x80\x02") || StartsWith(bytes, "\x80\x03") ||
      StartsWith(bytes, "\x80\x04") || StartsWith(bytes, "\x80\x05")) {
    return "; it begins like a Python pickle: export the model to ONNX";
  }
  if (StartsWith(bytes, "\x1f\x8b")) return "; it begins like gzip: decompress it first";
  if (bytes.size() >= 8 && bytes.substr(4, 4) == "TFL3") {
    return "; it begins like a TensorFlow Lite model";
  }
  if (StartsWith(bytes, "GGUF")) return "; it begins like GGUF";
  if (LooksLikeText(bytes)) return "; it is a text file";
  return "";
}

// `stream` gives `bytes`.
absl::Status Parse(absl::string_view bytes, google::protobuf::io::ZeroCopyInputStream& stream,
                   onnx::ModelProto& proto) {
  if (bytes.empty()) return onnx_io::EmptyModel();
  if (static_cast<int64_t>(bytes.size()) > kModelBytesMax) {
    return onnx_io::ModelTooLarge(static_cast<int64_t>(bytes.size()), kModelBytesMax);
  }
  RETURN_IF_ERROR(onnx_io::CheckStructure(bytes, kMessageDepthMax));
  google::protobuf::io::CodedInputStream input(&stream);
  input.SetRecursionLimit(kMessageDepthMax);
  if (!proto.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) {
    const std::string guess = Guess(bytes);
    return MalformedModel(absl::StrCat(
        "cannot parse its ", bytes.size(), " bytes as protobuf",
        guess.empty() ? "; it may be truncated: compare its size with the original's" : guess));
  }
  if (!proto.has_graph()) return MalformedModel(absl::StrCat("it has no graph", Guess(bytes)));
  if (proto.graph().node_size() == 0) {
    return MalformedModel(absl::StrCat("its graph has no nodes", Guess(bytes)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, int64_t>> Opsets(const onnx::ModelProto& proto) {
  std::map<std::string, int64_t> opsets;
  for (const onnx::OperatorSetIdProto& import : proto.opset_import()) {
    const std::string domain = import.domain() == "ai.onnx" ? std::string() : import.domain();
    const auto [it, is_new] = opsets.emplace(domain, import.version());
    if (!is_new && it->second != import.version()) {
      return onnx_io::BadGraph(onnx_io::FieldOf("model", "opset_import", domain),
                               absl::StrCat("is given as ", it->second, " and as ",
                                            import.version()));
    }
  }
  const auto found = opsets.find("");
  const int64_t version = found == opsets.end() ? 0 : found->second;
  if (version < kOnnxOpsetMin || version > kOnnxOpsetMax) {
    return onnx_io::UnsupportedOpset(version, kOnnxOpsetMin, kOnnxOpsetMax);
  }
  return opsets;
}

absl::StatusOr<Model> FromProto(onnx::ModelProto& proto,
                                const std::map<std::string, std::string>& external_files) {
  Model model;
  ASSIGN_OR_RETURN(model.opset_imports, Opsets(proto));
  RETURN_IF_ERROR(onnx_io::ExpandFunctions(proto));
  model.ir_version = proto.ir_version();
  RETURN_IF_ERROR(onnx_io::CheckText("model", "producer name", proto.producer_name()));
  RETURN_IF_ERROR(onnx_io::CheckText("model", "producer version", proto.producer_version()));
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  for (const onnx::StringStringEntryProto& entry : proto.metadata_props()) {
    const std::string field = onnx_io::FieldOf("model", "metadata_props", entry.key());
    RETURN_IF_ERROR(onnx_io::CheckText(field, "key", entry.key()));
    RETURN_IF_ERROR(onnx_io::CheckText(field, "value", entry.value()));
    model.metadata[entry.key()] = entry.value();
  }
  onnx_io::ExternalData external_data(external_files);
  ASSIGN_OR_RETURN(model.graph, onnx_io::GraphFromProto(*proto.mutable_graph(), external_data));
  RETURN_IF_ERROR(RaiseLegacyOpset(model));
  return model;
}

}  // namespace

absl::StatusOr<Model> ReadOnnxModel(const std::string& path,
                                    const std::map<std::string, std::string>& external_files) {
  onnx::ModelProto proto;
  {
    // Before it is mapped: a process with a bound on its address space would have no room for it.
    ASSIGN_OR_RETURN(const int64_t file_bytes, FileSize(path));
    if (file_bytes > kModelBytesMax) return onnx_io::ModelTooLarge(file_bytes, kModelBytesMax);
    const auto file = onnx_io::MappedFile::Open(path);
    if (absl::IsInvalidArgument(file.status())) return MalformedModel(file.status().message());
    RETURN_IF_ERROR(file.status());
    onnx_io::MappedStream stream(**file);
    RETURN_IF_ERROR(Parse((*file)->content(), stream, proto));
  }
  return FromProto(proto, external_files);
}

absl::StatusOr<Model> ParseOnnxModel(absl::string_view bytes,
                                     const std::map<std::string, std::string>& external_files) {
  onnx::ModelProto proto;
  // What is longer is refused before the stream is looked at.
  const auto length = std::min(static_cast<int64_t>(bytes.size()), kModelBytesMax);
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(length));
  RETURN_IF_ERROR(Parse(bytes, stream, proto));
  return FromProto(proto, external_files);
}

}  // namespace quantd
