#include "tests/hostile/array_rows.h"

#include <bit>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "tests/hostile/archive.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/data_reader.h"
#include "tests/hostile/reader.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd::hostile {
namespace {

using testing::Npy;

constexpr int64_t kGibibyte = int64_t{1} << 30;

std::string Dictionary(const std::string& shape, const std::string& descr = "<f4") {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, ", }");
}

// A file of this shape with the valid file's elements.
std::string NpyOf(const std::string& shape, const std::string& descr = "<f4") {
  return Npy(Dictionary(shape, descr), Floats());
}

std::string ValidNpy() { return NpyOf("(4, 3, 8, 8)"); }

// Version 2.0, whose header may be as long as 4 GiB.
std::string NpyVersion2(const std::string& dictionary, const std::string& data) {
  return std::string("\x93NUMPY\x02\x00", 8) + Le32(dictionary.size()) + dictionary + data;
}

std::vector<Variant> Shapes(const std::vector<std::string>& shapes) {
  std::vector<Variant> variants;
  for (const std::string& shape : shapes) variants.push_back({shape, NpyOf(shape)});
  return variants;
}

std::vector<Variant> UnknownTypes() {
  std::vector<Variant> variants;
  for (const char* descr : {"<f3", "<f16", "<c8", "|O", "|V16", "<U4", "|S8", "<M8[s]", "=f4", "f4",
                            "", "<<f4", "\xff\xfe"}) {
    variants.push_back({descr, NpyOf("(4, 3, 8, 8)", descr)});
  }
  return variants;
}

std::vector<Row> NpyRows() {
  const std::string depth(100'000, '(');
  const std::string good = "'fortran_order': False, 'shape': (4, 3, 8, 8)}";
  return {
      Several("LengthsOfTwoToThe64",
              Shapes({"(18446744073709551615,)", "(18446744073709551616,)",
                      "(18446744073709551615, 3, 8, 8)", "(9223372036854775807, 3, 8, 8)"}),
              {"BAD_DATA"}),
      Several("OnePastTheEnd",
              {{"a row more", NpyOf("(5, 3, 8, 8)")},
               {"an element more", NpyOf("(769,)")},
               {"header one byte longer", std::string("\x93NUMPY\x01\x00\x03\x00{}", 12)}},
              {"BAD_DATA"}),
      // 2^62 * 4 bytes wrap to 0 in 64 bits, and the second product to exactly the bytes there are.
      Several("ShapeOverflow",
              Shapes({"(4611686018427387904,)", "(4611686018427388672,)",
                      "(4294967296, 4294967296, 3, 8)", "(2, 9223372036854775807)"}),
              {"BAD_DATA"}),
      Several("ExabyteTensor", Shapes({"(288230376151711744,)", "(1152921504606846976, 1, 1, 1)"}),
              {"BAD_DATA"}),
      // An array without rows or without elements is well formed, and no data.
      Several("ZeroDimension",
              {{"no rows", Npy(Dictionary("(0, 3, 8, 8)"), "")},
               {"rows of nothing", Npy(Dictionary("(4, 0, 8, 8)"), "")},
               {"nothing by much", Npy(Dictionary("(0, 9223372036854775807, 8, 8)"), "")}},
              {"EMPTY_DATA", "INPUT_SHAPE_MISMATCH", "BAD_DATA"}),
      Several("NegativeDimension", Shapes({"(-1, 3, 8, 8)", "(4, -3, -8, 8)"}), {"BAD_DATA"}),
      Several("FractionalDimension",
              Shapes({"(4.0, 3, 8, 8)", "(4.5, 3, 8, 8)", "(4e0, 3, 8, 8)", "('4', 3, 8, 8)",
                      "(0x4, 3, 8, 8)"}),
              {"BAD_DATA"}),
      Large("TooManyAxes",
            [=] {
              return std::vector<Variant>{{"nine", NpyOf("(1, 1, 1, 1, 1, 4, 3, 8, 8)")}};
            },
            {"BAD_DATA"}),
      Large("UnknownType", [=] { return UnknownTypes(); }, {"BAD_DATA"}),
      Large("DeepHeader",
            [=] {
              return std::vector<Variant>{
                  {"shape", NpyVersion2(Dictionary(depth), Floats())},
                  {"braces", NpyVersion2(std::string(100'000, '{'), Floats())},
                  {"a shape within the limit", NpyOf(std::string(60'000, '('))}};
            },
            {"BAD_DATA"}),
      Several("DuplicateKeys",
              {{"descr", Npy("{'descr': '<f4', 'descr': '<f4', " + good, Floats())},
               {"shape", Npy("{'descr': '<f4', 'shape': (4, 3, 8, 8), " + good, Floats())}},
              {"BAD_DATA"}, "repeated key"),
      Several("BadUtf8",
              {{"key", Npy("{'descr': '<f4', '\xff\xfe': 1, " + good, Floats())},
               {"type", NpyOf("(4, 3, 8, 8)", "\xc0\xaf\x1b[2J")}},
              {"BAD_DATA"}),
      Several("Values",
              {{"NaN", Npy(Dictionary("(1, 3, 8, 8)"), std::string(kRowElements * 4, '\xff'))},
               {"a bool of 2", Npy(Dictionary("(1, 3, 8, 8)", "|b1"), std::string(192, '\2'))}},
              {"NOT_FINITE", "BAD_DATA"}),
  };
}

ZipMember Claiming(uint32_t packed_bytes, uint32_t bytes, const std::string& extra = "") {
  ZipMember member = Stored("x.npy", ValidNpy());
  member.packed_bytes = packed_bytes;
  member.bytes = bytes;
  member.extra = extra;
  return member;
}

std::string Zip64(uint64_t bytes, uint64_t packed) {
  return Le16(1) + Le16(16) + Le64(bytes) + Le64(packed);
}

std::vector<Variant> ZipBombs() {
  const std::string small = Dictionary("(4, 3, 8, 8)");
  const std::string honest = Dictionary(absl::StrCat("(", kGibibyte / 768, ", 3, 8, 8)"));
  std::vector<ZipMember> many;
  for (int i = 0; i < 16; ++i) {
    const std::string third = Dictionary(absl::StrCat("(", (kGibibyte >> 4) / 768, ", 3, 8, 8)"));
    many.push_back(
        DeflatedMember(absl::StrCat("x", i, ".npy"), Npy(third, ""), (kGibibyte >> 4) / 768 * 768));
  }
  // Two members that share their bytes: each is honest, and n of them take n times the file.
  const ZipMember base = Stored("x.npy", ValidNpy());
  ZipMember shared = base;
  shared.offset = 0;
  return {
      {"512 MiB behind a header of 3 KiB",
       Zip({DeflatedMember("x.npy", Npy(small, Floats()), kGibibyte / 2)})},
      {"1 GiB of zeros, as the header says",
       Zip({DeflatedMember("x.npy", Npy(honest, ""), kGibibyte / 768 * 768)})},
      {"1 GiB in 16 members", Zip(many)},
      {"members that share bytes", Zip({base, shared})},
  };
}

std::vector<Row> NpzRows() {
  ZipMember encrypted = Stored("x.npy", ValidNpy());
  encrypted.flags = 1;
  ZipMember bzip2 = Stored("x.npy", ValidNpy());
  bzip2.method = 12;
  ZipMember far = Stored("x.npy", ValidNpy());
  far.offset = 0xfffffffe;
  ZipMember wrong = Stored("x.npy", ValidNpy());
  wrong.crc ^= 1;
  const uint32_t escape = 0xffffffff;
  const auto size = static_cast<uint32_t>(ValidNpy().size());
  return {
      Several("LengthsOfTwoToThe64",
              {{"both", Zip({Claiming(escape, escape, Zip64(~0ull, ~0ull))})},
               {"content", Zip({Claiming(escape, escape, Zip64(~0ull, size))})},
               {"packed", Zip({Claiming(escape, escape, Zip64(size, ~0ull))})},
               {"without the numbers", Zip({Claiming(escape, escape)})},
               {"cut numbers", Zip({Claiming(escape, escape, Le16(1) + Le16(40) + "x")})}},
              {"BAD_DATA"}),
      Several("OnePastTheEnd",
              {{"packed", Zip({Claiming(size + 1000, size + 1000)})},
               {"content", Zip({Claiming(size, size + 1)})},
               {"offset", Zip({far})}},
              {"BAD_DATA"}),
      Large("ZipBomb", [=] { return ZipBombs(); }, {"BAD_DATA"}),
      Several("DuplicateKeys",
              {{"twice", Zip({Stored("x.npy", ValidNpy()), Stored("x.npy", ValidNpy())})}},
              {"BAD_DATA"}, "twice"),
      Large("BadMemberNames",
            [=] {
              return std::vector<Variant>{
                  {"no UTF-8", Zip({Stored("\xff\xfe\x1b[2J.npy", "no array")})},
                  {"very long", Zip({Stored(std::string(60'000, 'n') + ".npy", "no array")})},
                  {"no array", Zip({Stored("../../etc/passwd", "x")})}};
            },
            {"BAD_DATA"}),
      // A key is a name in a table and never a path, so these are odd, and harmless.
      Allowed(Several("MemberNamesThatLookLikePaths",
                      {{"parent", Zip({Stored("../../x.npy", ValidNpy())})},
                       {"root", Zip({Stored("/etc/x.npy", ValidNpy())})},
                       {"NUL", Zip({Stored(std::string("x\0y.npy", 7), ValidNpy())})},
                       {"no UTF-8", Zip({Stored("\xff\xfe.npy", ValidNpy())})}},
                      {"BAD_DATA"}),
              "members are keys, never paths"),
      Large("UnreadableMembers",
            [=] {
              return std::vector<Variant>{
                  {"encrypted", Zip({encrypted})},
                  {"bzip2", Zip({bzip2})},
                  {"wrong checksum", Zip({wrong})},
                  {"pickled objects", Zip({Stored("x.npy", NpyOf("(4,)", "|O"))})},
                  {"a zip in a zip", Zip({Stored("x.npy", Zip({Stored("x.npy", ValidNpy())}))})},
                  {"too many", Zip(std::vector<ZipMember>(5000, Stored("x.npy", "")))}};
            },
            {"BAD_DATA"}),
  };
}

std::string IdxHeader(int type, const std::vector<uint32_t>& extents) {
  std::string header = {0, 0, static_cast<char>(type), static_cast<char>(extents.size())};
  for (const uint32_t extent : extents) header += Be32(extent);
  return header;
}

constexpr int kIdxFloat = 0x0d;

std::string ValidIdx() {
  std::string elements;
  for (const float value : Values()) elements += Be32(std::bit_cast<uint32_t>(value));
  return IdxHeader(kIdxFloat, {kRows, 3, 8, 8}) + elements;
}

std::string IdxOf(const std::vector<uint32_t>& extents, int type = kIdxFloat) {
  return IdxHeader(type, extents) + ValidIdx().substr(20);
}

template <typename Wrap>
std::vector<Variant> IdxTypes(const Wrap& wrap) {
  std::vector<Variant> types;
  for (int type = 0; type < 256; ++type) {
    if (type >= 0x08 && type <= 0x0e && type != 0x0a) continue;
    types.push_back({absl::StrCat("type ", type), wrap(IdxOf({kRows, 3, 8, 8}, type))});
  }
  return types;
}

// The rows of plain IDX and of IDX in gzip are the same; `wrap` makes one the other.
template <typename Wrap>
std::vector<Row> IdxRows(const Wrap& wrap) {
  const uint32_t most = 0xffffffff;
  std::string rank_255 = ValidIdx();
  rank_255[3] = '\xff';
  std::string rank_0 = ValidIdx();
  rank_0[3] = '\0';
  return {
      // Extents have 32 bits; four of them reach far beyond 2^64.
      Several(
          "ExtentsOfTwoToThe32",
          {{"one", wrap(IdxOf({most, 3, 8, 8}))}, {"all", wrap(IdxOf({most, most, most, most}))}},
          {"BAD_DATA"}),
      Several("OnePastTheEnd",
              {{"a row more", wrap(IdxOf({kRows + 1, 3, 8, 8}))},
               {"a byte more", wrap(IdxOf({kElements + 1}))}},
              {"BAD_DATA"}),
      Several("ShapeOverflow",
              {{"2^64", wrap(IdxOf({65536, 65536, 65536, 65536}))},
               {"2^64 + 768", wrap(IdxOf({most, most, 2, 769}))}},
              {"BAD_DATA"}),
      Several("ExabyteTensor", {{"doubles", wrap(IdxOf({1u << 31, 1u << 26}, 0x0e))}},
              {"BAD_DATA"}),
      Several("ZeroDimension",
              {{"no rows", wrap(IdxHeader(8, {0, 3, 8, 8}))},
               {"rows of nothing", wrap(IdxHeader(8, {kRows, 0, 8, 8}))},
               {"nothing by much", wrap(IdxHeader(8, {0, most, most, most}))}},
              {"EMPTY_DATA", "INPUT_SHAPE_MISMATCH", "BAD_DATA"}),
      Several("BadRank", {{"255", wrap(rank_255)}, {"0", wrap(rank_0)}}, {"BAD_DATA"}),
      Large("UnknownType", [=] { return IdxTypes(wrap); }, {"BAD_DATA"}),
  };
}

std::string Gzip(const std::string& bytes) { return Deflated(bytes, 0, Wrapper::kGzip); }

// FNAME: a name up to the next zero byte, which never comes.
std::string GzipWithLongName() {
  std::string gzip = Gzip(ValidIdx());
  gzip[3] = '\x08';
  return gzip.substr(0, 10) + std::string(1 << 22, 'n');
}

std::vector<Row> GzipRows() {
  const std::string header = IdxHeader(8, {kRows, 3, 8, 8});
  const uint32_t rows = kGibibyte / kRowElements;
  return {
      Large("GzipBomb",
            [=] {
              return std::vector<Variant>{
                  {"512 MiB behind extents of 3 KiB",
                   Deflated(ValidIdx(), kGibibyte / 2, Wrapper::kGzip)},
                  {"1 GiB of zeros, as the extents say",
                   Deflated(IdxHeader(8, {rows, 3, 8, 8}), int64_t{rows} * kRowElements,
                            Wrapper::kGzip)},
                  {"extents of 7 GiB, and little behind them",
                   Gzip(IdxHeader(8, {7 * rows, 3, 8, 8}) + std::string(1000, '\0'))}};
            },
            {"BAD_DATA"}),
      Several("GzipInGzip", {{"twice", Gzip(Gzip(ValidIdx()))}}, {"BAD_DATA"}),
      Large("GzipHeaderWithoutEnd",
            [=] {
              return std::vector<Variant>{{"a name of 4 MiB", GzipWithLongName()}};
            },
            {"BAD_DATA"}),
  };
}

}  // namespace

// Noise, so that compressed files have something to cut off, too.
std::vector<float> Values() {
  Random random(5);
  std::vector<float> values;
  for (int i = 0; i < kElements; ++i) values.push_back(static_cast<float>(random.Uniform()));
  return values;
}

std::string Floats() {
  const std::vector<float> values = Values();
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

Reader ArrayReader(const std::string& name, const std::string& file, const std::string& valid,
                   const std::string& flips_valid_because, std::vector<Row> rows) {
  return {.name = name,
          .file = file,
          .valid = valid,
          .read =
              [file](const std::string& path) {
                return ReadAsData(file, path, {3, 8, 8});
              },
          .field = "data.files",
          .rows = CommonRows({.reason = "BAD_DATA", .flips_valid_because = flips_valid_because}) +
                  std::move(rows)};
}

std::vector<Reader> ArrayReaders() {
  return {
      ArrayReader("npy", "x.npy", ValidNpy(), "any number is a number", NpyRows()),
      ArrayReader("npz", "x.npz", Zip({Stored("x.npy", ValidNpy())}),
                  "an archive has fields that mean nothing here, such as the time", NpzRows()),
      ArrayReader("idx", "x-idx4-ubyte", ValidIdx(), "any byte is a pixel",
                  IdxRows([](const std::string& bytes) { return bytes; })),
      ArrayReader("idx_gz", "x-idx4-ubyte.gz", Gzip(ValidIdx()),
                  "gzip's header has fields that mean nothing here",
                  IdxRows([](const std::string& bytes) { return Gzip(bytes); }) + GzipRows()),
      TensorReader(),
  };
}

}  // namespace quantd::hostile
