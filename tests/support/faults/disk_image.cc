#include "tests/support/faults/disk_image.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "common/check.h"

namespace quantd::testing {

DiskImage::DiskImage() { nodes_[kRoot].is_folder = true; }

std::optional<DiskImage::Node> DiskImage::Find(absl::string_view path) const {
  Node node = kRoot;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const NodeState& state = nodes_.at(node);
    const auto found = state.entries.find(std::string(part));
    if (!state.is_folder || found == state.entries.end()) return std::nullopt;
    node = found->second;
  }
  return node;
}

std::optional<std::pair<DiskImage::Node, std::string>> DiskImage::FindParent(
    absl::string_view path) const {
  std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  if (parts.empty()) return std::nullopt;
  Node node = kRoot;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto& entries = nodes_.at(node).entries;
    const auto found = entries.find(parts[i]);
    if (found == entries.end()) return std::nullopt;
    node = found->second;
  }
  if (!IsFolder(node)) return std::nullopt;
  return std::make_pair(node, parts.back());
}

DiskImage::Node DiskImage::Create(bool is_folder) {
  nodes_[++last_node_].is_folder = is_folder;
  return last_node_;
}

void DiskImage::Write(Node file, int64_t offset, absl::string_view bytes) {
  NodeState& state = nodes_.at(file);
  state.unsynced.push_back({.offset = offset, .bytes = std::string(bytes)});
  Apply(state.unsynced.back(), state.content);
}

void DiskImage::Truncate(Node file, int64_t size_bytes) {
  NodeState& state = nodes_.at(file);
  state.unsynced.push_back({.offset = size_bytes, .truncates = true});
  Apply(state.unsynced.back(), state.content);
}

void DiskImage::Note(EntryChange change) {
  auto& entries = nodes_.at(change.folder).entries;
  if (change.node) {
    entries[change.name] = *change.node;
  } else {
    entries.erase(change.name);
  }
  unsynced_entries_.push_back(std::move(change));
}

void DiskImage::Link(Node folder, const std::string& name, Node node) {
  Note({.folder = folder, .name = name, .node = node});
}

void DiskImage::Unlink(Node folder, const std::string& name) {
  Note({.folder = folder, .name = name});
}

void DiskImage::Rename(Node from, const std::string& from_name, Node to,
                       const std::string& to_name) {
  const Node node = entries(from).at(from_name);
  const int64_t rename = ++last_rename_;
  Note({.folder = to, .name = to_name, .node = node, .rename = rename});
  Note({.folder = from, .name = from_name, .rename = rename});
}

void DiskImage::Sync(Node file) {
  NodeState& state = nodes_.at(file);
  for (const FileChange& change : state.unsynced) Apply(change, state.durable);
  state.unsynced.clear();
}

void DiskImage::SyncFolder(Node folder) {
  std::vector<EntryChange> rest;
  for (const EntryChange& change : unsynced_entries_) {
    // The new name comes first in a rename, so the old one never goes alone; and where only the
    // new one's folder was synced, the old one may still be there.
    const bool is_new_name_of_one_here =
        change.rename != 0 && change.node &&
        std::any_of(unsynced_entries_.begin(), unsynced_entries_.end(),
                    [&](const EntryChange& other) {
                      return other.rename == change.rename && other.folder == folder;
                    });
    if (change.folder == folder || is_new_name_of_one_here) {
      MakeDurable(change);
    } else {
      rest.push_back(change);
    }
  }
  for (EntryChange& change : rest) {
    // What is left of a rename whose other half is durable stands for itself.
    const bool alone = std::count_if(rest.begin(), rest.end(), [&](const EntryChange& other) {
                         return other.rename == change.rename;
                       }) == 1;
    if (alone) change.rename = 0;
  }
  unsynced_entries_ = std::move(rest);
}

void DiskImage::MakeDurable(const EntryChange& change) {
  auto& durable = nodes_.at(change.folder).durable_entries;
  if (change.node) {
    durable[change.name] = *change.node;
  } else {
    durable.erase(change.name);
  }
}

void DiskImage::FailSync(Node file, Random random) {
  NodeState& state = nodes_.at(file);
  ApplySome(state, random, 50);
}

void DiskImage::Apply(const FileChange& change, std::string& content) {
  const auto offset = static_cast<size_t>(change.offset);
  if (change.truncates) {
    content.resize(offset, '\0');
    return;
  }
  if (content.size() < offset + change.bytes.size()) {
    content.resize(offset + change.bytes.size(), '\0');
  }
  content.replace(offset, change.bytes.size(), change.bytes);
}

void DiskImage::ApplyTorn(const FileChange& change, Random& random, std::string& content) {
  const auto size = static_cast<int64_t>(change.bytes.size());
  for (int64_t done = 0; done < size;) {
    const int64_t to_sector_end = kSectorBytes - (change.offset + done) % kSectorBytes;
    const int64_t count = std::min(size - done, to_sector_end);
    if (random.Below(2) == 0) {
      Apply({.offset = change.offset + done,
             .bytes = change.bytes.substr(static_cast<size_t>(done), static_cast<size_t>(count))},
            content);
    }
    done += count;
  }
}

void DiskImage::ApplySome(NodeState& state, Random& random, int kept_percent) {
  for (const FileChange& change : state.unsynced) {
    if (kept_percent >= 100) {
      Apply(change, state.durable);
    } else if (kept_percent > 0) {
      switch (random.Below(4)) {
        case 0:
          break;
        case 1:
          if (!change.truncates) {
            ApplyTorn(change, random, state.durable);
            break;
          }
          [[fallthrough]];
        default:
          Apply(change, state.durable);
      }
    }
  }
  state.unsynced.clear();
}

void DiskImage::Crash(Random random) {
  const uint64_t choice = random.Below(4);
  const int kept_percent = choice == 0 ? 0 : choice == 1 ? 100 : 50;
  std::map<int64_t, bool> renames;  // Both halves or none.
  for (const EntryChange& change : unsynced_entries_) {
    bool kept = kept_percent == 100 || (kept_percent == 50 && random.Below(2) == 0);
    if (change.rename != 0) kept = renames.emplace(change.rename, kept).first->second;
    if (kept) MakeDurable(change);
  }
  unsynced_entries_.clear();
  std::vector<Node> reached = {kRoot};
  std::map<Node, NodeState> kept_nodes;
  while (!reached.empty()) {
    const Node node = reached.back();
    reached.pop_back();
    if (kept_nodes.contains(node)) continue;
    NodeState& state = kept_nodes[node] = std::move(nodes_.at(node));
    ApplySome(state, random, kept_percent);
    state.content = state.durable;
    state.entries = state.durable_entries;
    for (const auto& [name, child] : state.entries) reached.push_back(child);
  }
  nodes_ = std::move(kept_nodes);
}

}  // namespace quantd::testing
