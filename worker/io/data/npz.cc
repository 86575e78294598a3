#include "worker/io/data/npz.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/byte_reader.h"
#include "worker/io/data/inflate.h"
#include "worker/io/data/npy.h"

namespace quantd {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr size_t kLocalBytes = 30;
constexpr size_t kCentralBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kCommentBytesMax = 65535;
constexpr uint16_t kZip64Extra = 1;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable .npz archive: ", problem));
}

struct Member {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0;
  uint64_t bytes = 0;
  uint64_t offset = 0;  // Of the local header.
};

struct Directory {
  size_t offset = 0;
  size_t bytes = 0;
  int members = 0;
};

// The end record closes the file; only its own comment may follow it.
absl::StatusOr<Directory> FindDirectory(absl::string_view zip) {
  if (zip.size() < kEndBytes) return Bad("it is truncated");
  const size_t last = zip.size() - kEndBytes;
  const size_t first = last > kCommentBytesMax ? last - kCommentBytesMax : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (LittleEndianAt<uint32_t>(zip, at) != kEndSignature) continue;
    if (LittleEndianAt<uint16_t>(zip, at + 20) != last - at) continue;
    const int members = LittleEndianAt<uint16_t>(zip, at + 10);
    const size_t bytes = LittleEndianAt<uint32_t>(zip, at + 12);
    const size_t offset = LittleEndianAt<uint32_t>(zip, at + 16);
    if (members > kNpzMembersMax)
      return Bad(absl::StrCat("more than ", kNpzMembersMax, " members"));
    if (LittleEndianAt<uint32_t>(zip, at + 4) != 0 ||
        LittleEndianAt<uint16_t>(zip, at + 8) != members) {
      return Bad("it is one part of a split archive");
    }
    // This also refuses directories beyond 4 GiB (zip64 end records): the file bound excludes them.
    if (offset > at || bytes != at - offset) return Bad("its directory lies outside the file");
    return Directory{offset, bytes, members};
  }
  return Bad("it has no end record; is the file complete?");
}

// Replaces each 32-bit field that is all ones by the next number of the zip64 extra field.
bool ApplyZip64(absl::string_view extra, Member& member) {
  const uint64_t kEscape = 0xffffffff;
  uint64_t* const fields[] = {&member.bytes, &member.packed_bytes, &member.offset};
  if (std::none_of(std::begin(fields), std::end(fields),
                   [&](uint64_t* f) { return *f == kEscape; })) {
    return true;
  }
  while (extra.size() >= 4) {
    const uint16_t id = LittleEndianAt<uint16_t>(extra, 0);
    const uint16_t size = LittleEndianAt<uint16_t>(extra, 2);
    extra.remove_prefix(4);
    if (size > extra.size()) return false;
    if (id == kZip64Extra) {
      absl::string_view numbers = extra.substr(0, size);
      for (uint64_t* field : fields) {
        if (*field != kEscape) continue;
        if (numbers.size() < 8) return false;
        *field = LittleEndianAt<uint64_t>(numbers, 0);
        numbers.remove_prefix(8);
      }
      return true;
    }
    extra.remove_prefix(size);
  }
  return false;
}

absl::StatusOr<std::vector<Member>> ReadDirectory(absl::string_view zip,
                                                  const Directory& directory) {
  absl::string_view rest = zip.substr(directory.offset, directory.bytes);
  std::vector<Member> members;
  for (int i = 0; i < directory.members; ++i) {
    if (rest.size() < kCentralBytes || LittleEndianAt<uint32_t>(rest, 0) != kCentralSignature) {
      return Bad("its directory is damaged");
    }
    Member member;
    member.flags = LittleEndianAt<uint16_t>(rest, 8);
    member.method = LittleEndianAt<uint16_t>(rest, 10);
    member.crc = LittleEndianAt<uint32_t>(rest, 16);
    member.packed_bytes = LittleEndianAt<uint32_t>(rest, 20);
    member.bytes = LittleEndianAt<uint32_t>(rest, 24);
    const size_t name = LittleEndianAt<uint16_t>(rest, 28);
    const size_t extra = LittleEndianAt<uint16_t>(rest, 30);
    const size_t comment = LittleEndianAt<uint16_t>(rest, 32);
    member.offset = LittleEndianAt<uint32_t>(rest, 42);
    if (rest.size() - kCentralBytes < name + extra + comment)
      return Bad("its directory is damaged");
    member.name = std::string(rest.substr(kCentralBytes, name));
    if (!ApplyZip64(rest.substr(kCentralBytes + name, extra), member)) {
      return Bad(absl::StrCat("member '", member.name, "' has a damaged zip64 field"));
    }
    rest.remove_prefix(kCentralBytes + name + extra + comment);
    members.push_back(std::move(member));
  }
  if (!rest.empty()) return Bad("its directory holds more than its members");
  return members;
}

// Where the member's packed bytes lie: [begin, end), before the directory.
absl::StatusOr<std::pair<size_t, size_t>> Locate(absl::string_view zip, const Directory& directory,
                                                 const Member& member) {
  const absl::Status outside =
      Bad(absl::StrCat("member '", member.name, "' lies outside the file"));
  if (member.offset > directory.offset || directory.offset - member.offset < kLocalBytes)
    return outside;
  const absl::string_view local = zip.substr(member.offset, directory.offset - member.offset);
  if (LittleEndianAt<uint32_t>(local, 0) != kLocalSignature) return outside;
  const size_t name = LittleEndianAt<uint16_t>(local, 26);
  const size_t header = kLocalBytes + name + LittleEndianAt<uint16_t>(local, 28);
  if (header > local.size() || member.packed_bytes > local.size() - header) return outside;
  if (local.substr(kLocalBytes, name) != member.name) {
    return Bad(absl::StrCat("member '", member.name, "' has two names"));
  }
  return std::make_pair(member.offset + header, member.offset + header + member.packed_bytes);
}

absl::StatusOr<std::string> Unpack(absl::string_view packed, const Member& member) {
  std::string content;
  if (member.method == kStored) {
    if (member.bytes != packed.size()) return Bad("a stored member has two sizes");
    content = std::string(packed);
  } else if (member.method == kDeflated) {
    ASSIGN_OR_RETURN(content, InflateRaw(packed, static_cast<int64_t>(member.bytes)));
  } else {
    return Bad("compression other than none and deflate");
  }
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  if (crc != member.crc) return Bad("the checksum does not match");
  return content;
}

// Members that share bytes could expand to far more than the file (overlapping-file zip bombs).
absl::Status CheckDisjoint(std::vector<std::pair<size_t, size_t>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return Bad("its members overlap");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::map<std::string, Tensor>> ParseNpz(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const Directory directory, FindDirectory(bytes));
  ASSIGN_OR_RETURN(const std::vector<Member> members, ReadDirectory(bytes, directory));
  std::vector<std::pair<size_t, size_t>> packed, extents;
  uint64_t total = 0, packed_total = 0;
  for (const Member& member : members) {
    if (member.flags & 1) return Bad(absl::StrCat("member '", member.name, "' is encrypted"));
    if (!absl::EndsWith(member.name, ".npy")) {
      return Bad(absl::StrCat("member '", member.name, "' is not an .npy array"));
    }
    if (member.bytes > kDataArrayBytesMax || (total += member.bytes) > kDataArrayBytesMax) {
      return Bad(absl::StrCat("it holds more than ", kDataArrayBytesMax, " bytes"));
    }
    ASSIGN_OR_RETURN(const auto range, Locate(bytes, directory, member));
    packed_total += member.packed_bytes;
    packed.push_back(range);
    extents.emplace_back(member.offset, range.second);
  }
  RETURN_IF_ERROR(CheckDisjoint(extents));
  RETURN_IF_ERROR(
      CheckUnpackRatio(static_cast<int64_t>(packed_total), static_cast<int64_t>(total)));

  std::map<std::string, Tensor> arrays;
  for (size_t i = 0; i < members.size(); ++i) {
    const std::string key = members[i].name.substr(0, members[i].name.size() - 4);
    const absl::string_view body =
        bytes.substr(packed[i].first, packed[i].second - packed[i].first);
    absl::StatusOr<std::string> content = Unpack(body, members[i]);
    absl::StatusOr<Tensor> array =
        content.ok() ? ParseNpy(*content) : absl::StatusOr<Tensor>(content.status());
    if (!array.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("member '", key, "': ", array.status().message()));
    }
    if (!arrays.emplace(key, *std::move(array)).second) {
      return Bad(absl::StrCat("member '", key, "' occurs twice"));
    }
  }
  return arrays;
}

}  // namespace quantd
