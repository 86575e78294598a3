// Every row of every reader: a file that is wrong is refused with a typed error that names what is
// wrong, within bounds of memory and time, leaves nothing behind, and the next good file is read.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/error.h"
#include "common/file.h"
#include "common/utf8.h"
#include "common/without_exceptions.h"
#include "tests/hostile/bounded_child.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/reader.h"
#include "tests/support/temporary_folder.h"

namespace quantd::hostile {
namespace {

// Names in a hostile file may be megabytes long; what a person gets to read may not.
constexpr size_t kMessageBytesMax = 4096;

// Of AllReaders(), which live as long as the process.
struct Case {
  const Reader* reader;
  const Row* row;
};

std::string NameOf(const Case& c) { return absl::StrCat(c.reader->name, "_", c.row->name); }
void PrintTo(const Case& c, std::ostream* out) { *out << NameOf(c); }

bool IsAFault(absl::StatusCode code, const std::string& reason) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      return true;
    case absl::StatusCode::kUnimplemented:
      // What is well formed and honest, and not supported.
      return absl::StartsWith(reason, "UNSUPPORTED_");
    default:
      return false;
  }
}

bool IsPlainText(absl::string_view text) {
  if (ToValidUtf8(text) != text) return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; });
}

bool NamesOneOf(const std::string& fields, const ErrorDetails& details) {
  if (details.violations.empty()) return false;
  const std::vector<std::string> starts = absl::StrSplit(fields, '|');
  return std::any_of(starts.begin(), starts.end(), [&](const std::string& start) {
    return absl::StartsWith(details.violations[0].field, start);
  });
}

// "" when `status` is what the row asks for.
std::string Judge(const Case& c, const absl::Status& status) {
  const Row& row = *c.row;
  if (status.ok()) {
    return row.reasons.empty() || !row.valid_because.empty() ? "" : "was read as if it were valid";
  }
  if (row.reasons.empty()) return "should be read";
  const ErrorDetails details = GetErrorDetails(status);
  if (details.reason.empty()) return "has no reason";
  if (!IsAFault(status.code(), details.reason)) return "has a code that blames us";
  if (row.reasons[0] != kAnyReason &&
      std::find(row.reasons.begin(), row.reasons.end(), details.reason) == row.reasons.end()) {
    return absl::StrCat("has not one of the reasons ", absl::StrJoin(row.reasons, ", "));
  }
  if (!NamesOneOf(c.reader->field, details)) {
    return absl::StrCat("names no field ", c.reader->field);
  }
  if (!absl::StrContains(status.message(), row.says)) {
    return absl::StrCat("does not say '", row.says, "'");
  }
  // A reader that caught it took all the memory there was; nothing but the bound stopped it.
  if (absl::StrContains(status.message(), "bad_alloc")) return "ran out of memory";
  if (status.message().size() > kMessageBytesMax) return "is too long to read";
  if (!IsPlainText(status.message())) return "is no plain text";
  return "";
}

void Place(const Variant& variant, const std::string& path) {
  if (variant.place) {
    variant.place(path);
  } else {
    // Without the sync of WriteFileAtomically: there are thousands of files.
    std::ofstream file(path, std::ios::binary);
    file << variant.bytes << std::flush;
    QUANTD_CHECK(file.good());
  }
}

std::string ReadVariant(const Case& c, const Variant& variant, Told& told) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/" + c.reader->file;
  told.Doing(absl::StrCat("reading ", variant.name));
  Place(variant, path);
  const std::vector<std::string> before = ListFolder(folder.path()).value();
  ResetPeak();
  const int64_t resident = ResidentBytes();
  const absl::Status status = WithoutExceptions([&] { return c.reader->read(path); });
  const int64_t grown = PeakBytes() - resident;
  std::string problem = Judge(c, status);
  if (problem.empty() && MemoryIsBounded() && grown > kMemoryBytesMax) {
    problem = absl::StrCat("took ", grown >> 20, " MiB");
  }
  if (problem.empty() && ListFolder(folder.path()).value() != before) {
    problem = "left a file behind";
  }
  return problem.empty() ? ""
                         : absl::StrCat(variant.name, ": ", FormatStatus(status), "\n  ", problem);
}

class HostileFile : public ::testing::TestWithParam<Case> {};

TEST_P(HostileFile, GetsATypedErrorWithinBounds) {
  const Case& c = GetParam();
  const std::vector<Variant> variants = c.row->variants(c.reader->valid);
  ASSERT_FALSE(variants.empty());
  const Bounds bounds = {.memory_bytes_max = kMemoryBytesMax, .cpu_seconds_max = kCpuSecondsMax};
  EXPECT_EQ("", RunBounded(bounds, [&](Told& told) -> std::string {
              for (const Variant& variant : variants) {
                const std::string problem = ReadVariant(c, variant, told);
                if (!problem.empty()) return problem;
              }
              // What a bad file did to the process must not reach the next job.
              const Row valid = ValidRow();
              return ReadVariant({c.reader, &valid}, valid.variants(c.reader->valid)[0], told);
            }));
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const Reader& reader : AllReaders()) {
    for (const Row& row : reader.rows) cases.push_back({&reader, &row});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Readers, HostileFile, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) { return NameOf(info.param); });

// A reader that forgets the common rows, or a format whose every file is refused, is no entry.
TEST(HostileTableTest, EveryReaderHasTheCommonRowsOnce) {
  for (const Reader& reader : AllReaders()) {
    std::map<std::string, int> times;
    for (const Row& row : reader.rows) ++times[row.name];
    for (const auto& [name, count] : times) EXPECT_EQ(count, 1) << reader.name << " " << name;
    for (const Row& row : CommonRows({.reason = "X"})) {
      EXPECT_EQ(times[row.name], 1) << reader.name << " lacks " << row.name;
    }
    EXPECT_GE(reader.valid.size(), 1024u + 64u) << reader.name << ": nothing to cut off";
  }
}

}  // namespace

const std::vector<Reader>& AllReaders() {
  static const std::vector<Reader>* const kAll = [] {
    auto* all = new std::vector<Reader>();
    for (auto* readers :
         {&ArrayReaders, &ImageReaders, &LabelReaders, &OnnxReaders, &TextReaders}) {
      for (Reader& reader : readers()) all->push_back(std::move(reader));
    }
    return all;
  }();
  return *kAll;
}

}  // namespace quantd::hostile
