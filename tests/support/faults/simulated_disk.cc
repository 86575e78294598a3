#include "tests/support/faults/simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace quantd::testing {

void SimulatedDisk::Crash() {
  const std::lock_guard lock(mutex_);
  crashed_ = true;
}

bool SimulatedDisk::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

void SimulatedDisk::Restart(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  image_.Crash(Random(seed));
  names_.clear();
  crashed_ = false;
}

DiskImage SimulatedDisk::image() const {
  const std::lock_guard lock(mutex_);
  return image_;
}

int SimulatedDisk::Change(absl::string_view operation, const std::string& target,
                          const std::function<int()>& change) {
  if (crashed_) return EIO;
  switch (plan_.Next(operation, target)) {
    case Fault::kIoError:
    case Fault::kErrorAfter:
      return EIO;
    case Fault::kDiskFull:
      return ENOSPC;
    case Fault::kQuotaExceeded:
      return EDQUOT;
    case Fault::kCrashBefore:
      crashed_ = true;
      return EIO;
    case Fault::kCrashAfter:
      change();
      crashed_ = true;
      return EIO;
    case Fault::kUnknownOutcome:
      change();
      return EIO;
    case Fault::kLostSync:
      return 0;
    case Fault::kShortWrite:
    case Fault::kNone:
      return change();
  }
  return EIO;
}

int SimulatedDisk::Look(const std::string& target) {
  if (crashed_) return EIO;
  const Fault fault = plan_.Next(kReadOperation, target);
  if (fault == Fault::kCrashBefore || fault == Fault::kCrashAfter) crashed_ = true;
  return fault == Fault::kNone ? 0 : EIO;
}

std::string SimulatedDisk::NameOf(Node file) const {
  const auto found = names_.find(file);
  return found == names_.end() ? "a nameless file" : found->second;
}

int SimulatedDisk::Open(const std::string& path, bool create, Node* file) {
  const std::lock_guard lock(mutex_);
  if (const auto found = image_.Find(path)) {
    if (const int error = Look(path); error != 0) return error;
    if (image_.IsFolder(*found)) return EISDIR;
    *file = *found;
    names_[*file] = path;
    return 0;
  }
  if (crashed_) return EIO;
  if (!create) return ENOENT;
  return Change("open", path, [&] {
    const auto place = image_.FindParent(path);
    if (!place) return ENOENT;
    *file = image_.Create(/*is_folder=*/false);
    image_.Link(place->first, place->second, *file);
    names_[*file] = path;
    return 0;
  });
}

SimulatedDisk::Node SimulatedDisk::OpenNameless() {
  const std::lock_guard lock(mutex_);
  return image_.Create(/*is_folder=*/false);
}

int SimulatedDisk::Read(Node file, int64_t offset, char* buffer, size_t count, size_t* got) {
  const std::lock_guard lock(mutex_);
  *got = 0;
  if (const int error = Look(NameOf(file)); error != 0) return error;
  const std::string& content = image_.content(file);
  const auto begin = static_cast<size_t>(offset);
  if (begin >= content.size()) return 0;
  *got = std::min(count, content.size() - begin);
  std::memcpy(buffer, content.data() + begin, *got);
  return 0;
}

int SimulatedDisk::Write(Node file, int64_t offset, absl::string_view bytes, size_t* written) {
  const std::lock_guard lock(mutex_);
  *written = 0;
  if (!names_.contains(file)) {  // Nameless.
    if (crashed_) return EIO;
    image_.Write(file, offset, bytes);
    *written = bytes.size();
    return 0;
  }
  if (crashed_) return EIO;
  const Fault fault = plan_.Next("write", NameOf(file));
  const auto write = [&](absl::string_view part) {
    image_.Write(file, offset, part);
    *written = part.size();
  };
  switch (fault) {
    case Fault::kNone:
    case Fault::kLostSync:
      write(bytes);
      return 0;
    case Fault::kShortWrite:
      write(bytes.substr(0, std::max<size_t>(bytes.size() / 2, 1)));
      return 0;
    case Fault::kDiskFull:
    case Fault::kQuotaExceeded:
      return fault == Fault::kDiskFull ? ENOSPC : EDQUOT;
    case Fault::kCrashAfter:
      crashed_ = true;
      write(bytes);
      return EIO;
    case Fault::kUnknownOutcome:
      write(bytes);
      return EIO;
    case Fault::kCrashBefore:
      crashed_ = true;
      return EIO;
    case Fault::kIoError:
    case Fault::kErrorAfter:
      return EIO;
  }
  return EIO;
}

int SimulatedDisk::Truncate(Node file, int64_t size_bytes) {
  const std::lock_guard lock(mutex_);
  return Change("truncate", NameOf(file), [&] {
    image_.Truncate(file, size_bytes);
    return 0;
  });
}

int SimulatedDisk::Sync(Node file) {
  const std::lock_guard lock(mutex_);
  bool done = false;
  const int error = Change("sync", NameOf(file), [&] {
    image_.Sync(file);
    done = true;
    return 0;
  });
  // Linux marks the pages clean: trying again would say OK and write nothing.
  if (error != 0 && !done && !crashed_) image_.FailSync(file, Random(plan_.Choose(1 << 30)));
  return error;
}

int SimulatedDisk::Stat(Node node, Info* info) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return EIO;
  *info = {.size_bytes = static_cast<int64_t>(image_.content(node).size()),
           .is_folder = image_.IsFolder(node),
           .modify_time = image_.modify_time(node)};
  return 0;
}

int SimulatedDisk::Find(const std::string& path, Node* node) {
  const std::lock_guard lock(mutex_);
  if (const int error = Look(path); error != 0) return error;
  const auto found = image_.Find(path);
  if (!found) return ENOENT;
  *node = *found;
  return 0;
}

int SimulatedDisk::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto node = image_.Find(path);
  if (crashed_) return EIO;
  if (!node) return ENOENT;
  return Change("remove", path, [&] {
    if (image_.IsFolder(*node)) return EISDIR;
    const auto place = image_.FindParent(path);
    image_.Unlink(place->first, place->second);
    return 0;
  });
}

int SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  return Change("rename", from, [&] {
    const auto source = image_.FindParent(from);
    const auto target = image_.FindParent(to);
    if (!image_.Find(from) || !target) return ENOENT;
    image_.Rename(source->first, source->second, target->first, target->second);
    return 0;
  });
}

int SimulatedDisk::Link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  return Change("link", from, [&] {
    const auto node = image_.Find(from);
    const auto target = image_.FindParent(to);
    if (!node || !target) return ENOENT;
    if (image_.Find(to)) return EEXIST;
    image_.Link(target->first, target->second, *node);
    return 0;
  });
}

int SimulatedDisk::CreateFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return EIO;
  if (image_.Find(path)) return EEXIST;
  return Change("create folder", path, [&] {
    const auto place = image_.FindParent(path);
    if (!place) return ENOENT;
    image_.Link(place->first, place->second, image_.Create(/*is_folder=*/true));
    return 0;
  });
}

int SimulatedDisk::RemoveFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto node = image_.Find(path);
  if (crashed_) return EIO;
  if (!node) return ENOENT;
  return Change("remove folder", path, [&] {
    if (!image_.IsFolder(*node)) return ENOTDIR;
    if (!image_.entries(*node).empty()) return ENOTEMPTY;
    const auto place = image_.FindParent(path);
    image_.Unlink(place->first, place->second);
    return 0;
  });
}

int SimulatedDisk::List(const std::string& path, std::vector<std::string>* names) {
  const std::lock_guard lock(mutex_);
  if (const int error = Look(path); error != 0) return error;
  const auto node = image_.Find(path);
  if (!node) return ENOENT;
  if (!image_.IsFolder(*node)) return ENOTDIR;
  names->clear();
  for (const auto& [name, child] : image_.entries(*node)) names->push_back(name);
  return 0;
}

int SimulatedDisk::SyncFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return Change("sync folder", path, [&] {
    const auto node = image_.Find(path);
    if (!node) return ENOENT;
    image_.SyncFolder(*node);
    return 0;
  });
}

int SimulatedDisk::SetModifyTime(Node node, absl::Time time) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return EIO;
  image_.set_modify_time(node, time);
  return 0;
}

}  // namespace quantd::testing
