// Finished stages of a job on disk, so that a retried attempt goes on where the last one stopped.
//
// Every entry is bound to a key (the digest of the work and of the engine version) and carries a digest of
// its content: one of another job, another version, or half written is as good as none.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd {

class Checkpoint {
 public:
  Checkpoint(std::string folder, std::string key) : folder_(std::move(folder)), key_(std::move(key)) {}

  // What Save() stored, or nothing.
  std::optional<std::string> Load(const std::string& stage) const;
  absl::Status Save(const std::string& stage, absl::string_view content) const;

 private:
  std::string folder_;
  std::string key_;
};

}  // namespace quantd
