#include "tests/hostile/common_rows.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/random.h"
#include "tests/hostile/archive.h"

namespace quantd::hostile {
namespace {

constexpr size_t kEveryByteBelow = 1024;
constexpr int kLaterPoints = 64;
constexpr int kFlippedFiles = 200;

std::vector<Variant> CutEarly(const std::string& valid) {
  std::vector<Variant> cut;
  for (size_t length = 1; length <= kEveryByteBelow; ++length) {
    cut.push_back({absl::StrCat("the first ", length, " bytes"), valid.substr(0, length)});
  }
  return cut;
}

std::vector<Variant> CutLater(const std::string& valid) {
  Random random(1);
  std::vector<Variant> cut;
  for (int i = 0; i < kLaterPoints; ++i) {
    const size_t length = kEveryByteBelow + random.Below(valid.size() - kEveryByteBelow);
    cut.push_back({absl::StrCat("the first ", length, " bytes"), valid.substr(0, length)});
  }
  cut.push_back({"all but the last byte", valid.substr(0, valid.size() - 1)});
  return cut;
}

std::vector<Variant> BytesAfterTheEnd(const std::string& valid) {
  return {{"one byte more", valid + "x"},
          {"zeros", valid + std::string(1 << 16, '\0')},
          {"the file again", valid + valid}};
}

std::vector<Variant> FlippedBits(const std::string& valid) {
  Random random(2);
  std::vector<Variant> flipped;
  for (int i = 0; i < kFlippedFiles; ++i) {
    std::string bytes = valid;
    // Headers are where the lengths are: half of the files are changed there only.
    const size_t range = i % 2 == 0 ? 256 : bytes.size();
    for (int k = 0; k < 4; ++k) {
      bytes[random.Below(range)] ^= static_cast<char>(1u << random.Below(8));
    }
    flipped.push_back({absl::StrCat("flip ", i), std::move(bytes)});
  }
  return flipped;
}

// Every byte value alone and repeated, and noise: whatever a parser waits for, it ends.
std::vector<Variant> Noise(const std::string&) {
  std::vector<Variant> noise;
  for (int value = 0; value < 256; ++value) {
    const auto byte = static_cast<char>(value);
    noise.push_back({absl::StrCat("byte ", value), std::string(1, byte)});
    noise.push_back({absl::StrCat("bytes ", value), std::string(4096, byte)});
  }
  Random random(3);
  for (int i = 0; i < 32; ++i) {
    std::string bytes(4096, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
    noise.push_back({absl::StrCat("noise ", i), std::move(bytes)});
  }
  return noise;
}

// What pickle.dumps({'w': [1, 2]}, protocol=4) writes, and the same as torch.save's legacy start.
std::vector<Variant> Pickles() {
  const std::string pickle(
      "\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94]\x94(K\x01K\x02"
      "es.",
      26);
  const std::string legacy("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", 21);
  return {{"protocol 4", pickle}, {"a PyTorch checkpoint", legacy}};
}

std::vector<Variant> Zips() {
  return {{"a zip archive", Zip({Stored("archive/data.pkl", "\x80\x02}q."), Stored("b", "")})},
          {"an archive of nothing", Zip({})}};
}

std::vector<Variant> GitLfsPointers() {
  const std::string oid(64, 'a');
  return {{"a pointer", absl::StrCat("version https://git-lfs.github.com/spec/v1\noid sha256:", oid,
                                     "\nsize 52428800\n")},
          {"a pointer of before 2014",
           absl::StrCat("version http://git-media.io/v/2\noid sha256:", oid, "\nsize 5\n")},
          {"a pointer with an extension",
           absl::StrCat("version https://git-lfs.github.com/spec/v1\next-0-foo sha256:", oid,
                        "\noid sha256:", oid, "\nsize 52428800\n")}};
}

std::vector<Variant> NoRegularFiles(const std::string&) {
  const auto make = [](bool done) { QUANTD_CHECK(done); };
  return {{"a named pipe", "",
           [make](const std::string& path) { make(::mkfifo(path.c_str(), 0600) == 0); }},
          {"a folder", "",
           [make](const std::string& path) { make(::mkdir(path.c_str(), 0700) == 0); }}};
}

std::vector<std::string> OrReason(std::vector<std::string> reasons, const std::string& reason) {
  if (reasons.empty()) reasons.push_back(reason);
  return reasons;
}

}  // namespace

Row ValidRow() {
  return {.name = "ValidFile", .variants = [](const std::string& valid) -> std::vector<Variant> {
            return {{"the valid file", valid}};
          }};
}

Row Single(const std::string& name, const std::string& bytes, const std::string& reason,
           const std::string& says) {
  return Several(name, {{"the file", bytes}}, {reason}, says);
}

Row Several(const std::string& name, std::vector<Variant> variants,
            std::vector<std::string> reasons, const std::string& says) {
  return {.name = name,
          .variants = [variants = std::move(variants)](const std::string&) { return variants; },
          .reasons = std::move(reasons),
          .says = says};
}

Row Large(const std::string& name, std::function<std::vector<Variant>()> variants,
          std::vector<std::string> reasons, const std::string& says) {
  return {.name = name,
          .variants = [variants = std::move(variants)](const std::string&) { return variants(); },
          .reasons = std::move(reasons),
          .says = says};
}

Row Allowed(Row row, const std::string& why) {
  row.valid_because = why;
  return row;
}

std::vector<Row> CommonRows(const Common& common) {
  const std::string& reason = common.reason;
  const std::vector<std::string> any = {kAnyReason};
  return {
      ValidRow(),
      Single("EmptyFile", "", common.empty_reason.empty() ? reason : common.empty_reason, "empty"),
      {"TruncatedInTheFirstKibibyte", CutEarly, OrReason(common.cut_reasons, reason), "",
       common.cut_valid_because},
      {"TruncatedFurtherOn", CutLater, OrReason(common.cut_reasons, reason), "",
       common.cut_valid_because},
      {"BytesAfterTheEnd", BytesAfterTheEnd, OrReason(common.tail_reasons, reason), "",
       common.tail_valid_because},
      {"FlippedBits", FlippedBits, any, "", common.flips_valid_because},
      {"Noise", Noise, any, "", common.flips_valid_because},
      Several("RenamedPickle", Pickles(), any),
      Several("RenamedZip", Zips(), any),
      Several("GitLfsPointer", GitLfsPointers(), {reason}, "git lfs pull"),
      {"NoRegularFile", NoRegularFiles, any, "regular file"},
  };
}

std::vector<Row> operator+(std::vector<Row> a, std::vector<Row> b) {
  for (Row& row : b) a.push_back(std::move(row));
  return a;
}

}  // namespace quantd::hostile
