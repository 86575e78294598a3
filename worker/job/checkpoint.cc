#include "worker/job/checkpoint.h"

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/file.h"

namespace quantd {
namespace {

constexpr int64_t kCheckpointBytesMax = int64_t{16} << 30;

std::string Header(const std::string& key, absl::string_view content) {
  return absl::StrCat("quantd checkpoint 1\n", key, "\n", Sha256Hex(content), "\n");
}

}  // namespace

std::optional<std::string> Checkpoint::Load(const std::string& stage) const {
  absl::StatusOr<std::string> bytes = ReadFile(folder_ + "/" + stage, kCheckpointBytesMax);
  if (!bytes.ok()) return std::nullopt;
  const size_t header_bytes = Header(key_, "").size();
  if (bytes->size() < header_bytes) return std::nullopt;
  const absl::string_view content = absl::string_view(*bytes).substr(header_bytes);
  if (absl::string_view(*bytes).substr(0, header_bytes) != Header(key_, content)) return std::nullopt;
  return std::string(content);
}

absl::Status Checkpoint::Save(const std::string& stage, absl::string_view content) const {
  return WriteFileAtomically(folder_ + "/" + stage, absl::StrCat(Header(key_, content), content));
}

}  // namespace quantd
