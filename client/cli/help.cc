#include "client/cli/help.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/exit_code.h"
#include "common/words.h"

namespace quantd {
namespace {

constexpr size_t kColumns = 88;

std::string Paragraphs(const std::string& text) {
  std::string out;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&out, absl::StartsWith(line, " ") ? std::string(line) : Wrap(line, 0, kColumns),
                    "\n");
  }
  return out;
}

}  // namespace

const std::vector<FlagSpec>& GlobalFlags() {
  static const std::vector<FlagSpec> kFlags = {
      {"server", Arity::kOne, "HOST:PORT",
       "The server. Environment: QUANTD_SERVER. Default: 127.0.0.1:7460.", "Global flags"},
      {"tenant", Arity::kOne, "NAME", "Whose jobs. Environment: QUANTD_TENANT. Default: default.",
       "Global flags"},
      {"output", Arity::kOne, "table|json",
       "For people or for programs. JSON has the field names of the API. Default: table.",
       "Global flags"},
      {"timeout", Arity::kOne, "DURATION",
       "Give up on a call, retries included, after this long (30s, 5m). Default: 30s.",
       "Global flags"},
      {"token-file", Arity::kOne, "FILE",
       "The bearer token to send, in a file of its own. Environment: QUANTD_TOKEN_FILE.",
       "Security"},
      {"tls", Arity::kSwitch, "",
       "Encrypt; the server's certificate must be of an authority that this system trusts. "
       "Environment: QUANTD_TLS=1.",
       "Security"},
      {"tls-ca", Arity::kOne, "FILE",
       "Encrypt; the certificate must be of one of these authorities. Environment: QUANTD_TLS_CA.",
       "Security"},
      {"tls-cert", Arity::kOne, "FILE",
       "This side's own certificate, for servers that ask for one. Environment: QUANTD_TLS_CERT.",
       "Security"},
      {"tls-key", Arity::kOne, "FILE", "Its private key. Environment: QUANTD_TLS_KEY.", "Security"},
      {"insecure", Arity::kSwitch, "",
       "Send the token to another machine even without encryption.", "Security"},
  };
  return kFlags;
}

std::string OverviewHelp(std::span<const Command* const> commands) {
  std::vector<const Command*> ordered(commands.begin(), commands.end());
  std::sort(ordered.begin(), ordered.end(),
            [](const Command* a, const Command* b) { return a->position < b->position; });
  std::string text =
      "quantctl: quantize models with a quantd server, and know what it cost in quality.\n\n"
      "Usage: quantctl COMMAND [ARGUMENTS] [FLAGS]\n\n"
      "Commands:\n";
  for (const Command* command : ordered) {
    absl::StrAppend(&text, "  ", command->name, std::string(12 - command->name.size(), ' '),
                    command->summary, "\n");
  }
  absl::StrAppend(&text, "\n", FlagHelp(GlobalFlags()), "\n", kExitCodeHelp,
                  "\nExamples:\n"
                  "  quantctl doctor\n"
                  "  quantctl submit --model vit.onnx --data images.npy --preset w8a8-mse --wait\n"
                  "  quantctl submit --help\n");
  return text;
}

std::string CommandHelp(const Command& command) {
  std::string text = absl::StrCat(
      "quantctl ", command.name, ": ", command.summary, "\n\n", "Usage: quantctl ", command.name,
      command.arguments.empty() ? "" : " ", command.arguments, " [FLAGS]\n");
  if (!command.description.empty()) absl::StrAppend(&text, "\n", Paragraphs(command.description));
  if (!command.flags.empty()) absl::StrAppend(&text, "\n", FlagHelp(command.flags));
  absl::StrAppend(&text, "\n", FlagHelp(GlobalFlags()));
  if (!command.examples.empty()) {
    absl::StrAppend(&text, "\nExamples:\n");
    for (const std::string& example : command.examples) absl::StrAppend(&text, "  ", example, "\n");
  }
  absl::StrAppend(&text, "\n", kExitCodeHelp);
  return text;
}

}  // namespace quantd
