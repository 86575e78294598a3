// Files and folders as a machine sees them while it runs, beside what of them would be found after
// a power failure. The model is POSIX at its strictest: a file's content is durable when the file
// was synced, its name when the folder was. Not thread-safe; a copy is another disk.
//
// Kept from the systems that we run on: a rename never loses the file under both names, a sector is
// written whole or not at all, and nothing changes bytes outside of what was written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/random.h"

namespace quantd::testing {

class DiskImage {
 public:
  // A file or folder, whatever its names; never reused.
  using Node = int64_t;
  static constexpr Node kRoot = 0;
  static constexpr int64_t kSectorBytes = 512;

  DiskImage();

  // Follows folders from the root; "a/b", "/a/b" and "//a/b/" are the same.
  std::optional<Node> Find(absl::string_view path) const;
  // The folder that holds, or would hold, the last part of the path, and that part.
  std::optional<std::pair<Node, std::string>> FindParent(absl::string_view path) const;
  bool IsFolder(Node node) const { return nodes_.at(node).is_folder; }
  const std::map<std::string, Node>& entries(Node folder) const {
    return nodes_.at(folder).entries;
  }
  const std::string& content(Node file) const { return nodes_.at(file).content; }
  // As it was set; survives crashes, since nothing may depend on that.
  absl::Time modify_time(Node node) const { return nodes_.at(node).modify_time; }
  void set_modify_time(Node node, absl::Time time) { nodes_.at(node).modify_time = time; }

  // Without a name: gone with the next crash.
  Node Create(bool is_folder);
  void Write(Node file, int64_t offset, absl::string_view bytes);
  void Truncate(Node file, int64_t size_bytes);
  void Link(Node folder, const std::string& name, Node node);
  void Unlink(Node folder, const std::string& name);
  void Rename(Node from, const std::string& from_name, Node to, const std::string& to_name);

  void Sync(Node file);
  void SyncFolder(Node folder);
  // As a sync that failed: some of what was written becomes durable, and the rest never will,
  // although the running machine goes on seeing it.
  void FailSync(Node file, Random random);

  // As after a power failure. Of what was not synced, all is lost, all is kept, or some of it, with
  // torn writes, by the random numbers.
  void Crash(Random random);

 private:
  struct FileChange {
    int64_t offset = 0;  // Or the new size.
    std::string bytes;
    bool truncates = false;
  };
  struct NodeState {
    bool is_folder = false;
    absl::Time modify_time;
    std::string content;
    std::string durable;
    std::vector<FileChange> unsynced;
    std::map<std::string, Node> entries;
    std::map<std::string, Node> durable_entries;
  };
  struct EntryChange {
    Node folder = 0;
    std::string name;
    std::optional<Node> node;  // None: the name goes.
    int64_t rename = 0;        // The same for both halves of one; 0 for none.
  };

  static void Apply(const FileChange& change, std::string& content);
  // A part of the change by whole sectors.
  static void ApplyTorn(const FileChange& change, Random& random, std::string& content);
  void ApplySome(NodeState& state, Random& random, int kept_percent);
  void MakeDurable(const EntryChange& change);
  void Note(EntryChange change);

  std::map<Node, NodeState> nodes_;
  std::vector<EntryChange> unsynced_entries_;
  Node last_node_ = kRoot;
  int64_t last_rename_ = 0;
};

}  // namespace quantd::testing
