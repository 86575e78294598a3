#include "common/version.h"

#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>

#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "nlohmann/json.hpp"

namespace quantd::commands::version {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const std::string protobuf = google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION);
  if (invocation.json()) {
    nlohmann::ordered_json json;
    json["version"] = kVersion;
    json["grpc"] = grpc::Version();
    json["protobuf"] = protobuf;
    invocation.env.out << json.dump() << "\n";
  } else {
    invocation.env.out << "quantctl " << kVersion << " (API quantd.v1, gRPC "
                       << grpc::Version() << ", Protobuf " << protobuf << ")\n";
  }
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {.name = "version",
                                   .position = 140,
                                   .summary = "Print the version of this program.",
                                   .description = "Asks no server.",
                                   .examples = {"quantctl version"},
                                   .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::version
