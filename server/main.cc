// quantd: the front server.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/version.h"
#include "server/app/server_config.h"
#include "server/app/server_process.h"

namespace quantd {
namespace {

constexpr int kExitUsage = 2;

int Main(int argc, char** argv) {
  const absl::StatusOr<ServerConfig> config =
      ParseServerConfig(std::vector<std::string>(argv + 1, argv + argc));
  if (!config.ok()) {
    std::fprintf(stderr, "quantd: %s\n", std::string(config.status().message()).c_str());
    return kExitUsage;
  }
  if (config->help || config->version) {
    const std::string text = config->help ? ServerHelp() : absl::StrCat("quantd ", kVersion, "\n");
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  ConfigureLog(config->log.level, config->log.format);
  return RunServer(*config);
}

}  // namespace
}  // namespace quantd

int main(int argc, char** argv) { return quantd::Main(argc, argv); }
