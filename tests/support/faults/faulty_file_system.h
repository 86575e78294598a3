// The operations of a store on a SimulatedDisk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/file_system.h"
#include "tests/support/faults/simulated_disk.h"

namespace quantd::testing {

// Thread-safe. REQUIRES: every file is closed before the disk restarts.
class FaultyFileSystem final : public FileSystem {
 public:
  // Both are borrowed; `clock` gives files their times.
  FaultyFileSystem(SimulatedDisk* disk, const Clock* clock) : disk_(*disk), clock_(*clock) {}

  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) override;
  absl::StatusOr<FileInfo> Info(const std::string& path) override;
  absl::Status SetModifyTime(const std::string& path, absl::Time time) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status RemoveFile(const std::string& path) override;
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status RemoveFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;

 private:
  class OpenFile;

  SimulatedDisk& disk_;
  const Clock& clock_;
};

}  // namespace quantd::testing
