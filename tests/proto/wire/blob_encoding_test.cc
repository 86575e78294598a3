#include "proto/wire/blob_encoding.h"

#include <zstd.h>

#include <functional>
#include <vector>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::NamesField;
using testing::StatusIs;

constexpr size_t kMax = 2 << 20;

std::string Frame(const std::string& bytes, const std::function<void(ZSTD_CCtx*)>& prepare = {}) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (prepare) prepare(context);
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return frame;
}

std::string Noise(size_t count) {
  Random random(7);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

TEST(BlobDecoder, GivesBackWhatWasEncoded) {
  BlobDecoder decoder(kMax);
  for (const std::string& bytes :
       {std::string(), std::string("a"), std::string(kMax, 'x'), Noise(kMax)}) {
    EXPECT_THAT(decoder.Decode(v1::ZSTD, Frame(bytes)), IsOkAndHolds(absl::string_view(bytes)));
    EXPECT_THAT(decoder.Decode(v1::IDENTITY, bytes), IsOkAndHolds(absl::string_view(bytes)));
  }
}

TEST(BlobDecoder, RefusesWhatIsNotExactlyOneFrame) {
  const std::string frame = Frame("some bytes, some bytes, some bytes");
  const std::string without_size = Frame("some bytes", [](ZSTD_CCtx* context) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  });
  const std::string dictionary = Noise(5000);
  const std::string with_dictionary = Frame(dictionary.substr(1000), [&](ZSTD_CCtx* context) {
    ZSTD_CCtx_refPrefix(context, dictionary.data(), dictionary.size());
  });
  // A frame whose header gives a dictionary's number: magic, descriptor with the flag of one byte
  // of number and of a single segment, the number, the size, one raw last block.
  const std::string numbered = std::string("\x28\xb5\x2f\xfd\x21\x07\x01\x09\x00\x00", 10) + "a";
  // A frame that skips 4 bytes: magic 0x184d2a50 and a length.
  const std::string skipped = std::string(
      "\x50\x2a\x4d\x18\x04\x00\x00\x00"
      "abcd",
      12);
  std::string checked = Frame(Noise(100), [](ZSTD_CCtx* context) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  });
  checked.back() = static_cast<char>(checked.back() ^ 1);
  // Some hundred bytes on the wire.
  const std::string bomb = Frame(std::string(kMax + 1, '\0'));
  // Claims 2^62 bytes: magic, descriptor for 8 bytes of size and a single segment.
  const std::string boast = std::string("\x28\xb5\x2f\xfd\xe0", 5) + std::string(7, '\0') + "\x40";

  const std::vector<std::pair<const char*, std::string>> rows = {
      {"nothing", ""},
      {"no frame", "these are no frames"},
      {"cut in its header", frame.substr(0, 4)},
      {"cut in its middle", frame.substr(0, frame.size() / 2)},
      {"without its last byte", frame.substr(0, frame.size() - 1)},
      {"with something behind it", frame + "x"},
      {"two frames", frame + frame},
      {"without a size", without_size},
      {"with another's dictionary", with_dictionary},
      {"with a dictionary's number", numbered},
      {"only something to skip", skipped},
      {"with a wrong checksum", checked},
      {"larger than a message", bomb},
      {"with a boastful size", boast}};
  BlobDecoder decoder(kMax);
  for (const auto& [what, data] : rows) {
    const auto refused = decoder.Decode(v1::ZSTD, data);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument)) << what;
    EXPECT_THAT(refused, HasReason("INVALID_ENCODING")) << what;
    EXPECT_THAT(refused, NamesField("data")) << what;
  }
  EXPECT_THAT(decoder.Decode(v1::ZSTD, frame), testing::IsOk()) << "the decoder is as good as new";
}

TEST(BlobDecoder, RefusesOtherEncodingsAndLongMessages) {
  BlobDecoder decoder(4);
  EXPECT_THAT(decoder.Decode(static_cast<v1::BlobEncoding>(7), "a"), NamesField("encoding"));
  EXPECT_THAT(decoder.Decode(static_cast<v1::BlobEncoding>(-1), "a"),
              HasReason("INVALID_ENCODING"));
  EXPECT_THAT(decoder.Decode(v1::IDENTITY, "12345"), HasReason("CHUNK_TOO_LONG"));
  EXPECT_THAT(decoder.Decode(v1::ZSTD, Frame("12345")), HasReason("INVALID_ENCODING"));
  EXPECT_THAT(decoder.Decode(v1::ZSTD, Frame("1234")), IsOkAndHolds(absl::string_view("1234")));
}

TEST(BlobEncoder, ShrinksWhatShrinksByAQuarter) {
  BlobEncoder encoder;
  BlobDecoder decoder(kMax);
  const std::string text(1 << 20, 'x');
  for (int i = 0; i < 3; ++i) {
    const auto frame = encoder.Encode(text);
    ASSERT_TRUE(frame);
    EXPECT_LT(frame->size(), text.size() / 100);
    EXPECT_THAT(decoder.Decode(v1::ZSTD, *frame), IsOkAndHolds(absl::string_view(text)));
  }
  EXPECT_FALSE(encoder.Encode(""));
}

TEST(BlobEncoder, LetsTheRestOfWhatDoesNotShrinkPassForAWhile) {
  BlobEncoder encoder;
  const std::string noise = Noise(1 << 16), text(1 << 16, 'x');
  EXPECT_FALSE(encoder.Encode(noise));
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(encoder.Encode(text)) << i;
  EXPECT_TRUE(encoder.Encode(text)) << "the blob may get better towards its end";
}

}  // namespace
}  // namespace quantd
