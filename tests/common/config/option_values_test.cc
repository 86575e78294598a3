#include "common/config/option_values.h"

#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(OptionValues, TextIsAnythingButEmpty) {
  std::string text = "default";
  const OptionValue value = TextValue("DIR", &text);
  EXPECT_EQ(value.hint, "DIR");
  EXPECT_EQ(value.default_text, "default");
  EXPECT_THAT(value.set(""), Not(IsOk()));
  EXPECT_EQ(text, "default");
  EXPECT_OK(value.set("--odd = text"));
  EXPECT_EQ(text, "--odd = text");
}

TEST(OptionValues, IntegersStayInTheirRange) {
  int count = 4;
  const OptionValue value = IntegerValue("N", &count, -1, 64);
  EXPECT_EQ(value.default_text, "4");
  for (const char* wrong : {"", "x", "1x", "1.5", "-2", "65", "99999999999999999999", "0x10"}) {
    EXPECT_THAT(std::string(value.set(wrong).message()), HasSubstr("whole number from -1 to 64"))
        << wrong;
  }
  EXPECT_EQ(count, 4);
  EXPECT_OK(value.set("-1"));
  EXPECT_EQ(count, -1);
  EXPECT_OK(value.set("64"));
  EXPECT_EQ(count, 64);

  int64_t large = 0;
  EXPECT_OK(IntegerValue("N", &large, 0, kMax).set("9223372036854775807"));
  EXPECT_EQ(large, kMax);
  EXPECT_THAT(std::string(IntegerValue("N", &large, 1, kMax).set("0").message()),
              HasSubstr("of at least 1"));
}

TEST(OptionValues, BytesUnderstandBinarySuffixes) {
  struct Case {
    const char* text;
    int64_t bytes;
  };
  int64_t bytes = 0;
  const OptionValue value = BytesValue(&bytes, 0, kMax);
  for (const Case& c : {Case{"0", 0},
                        {"1000", 1000},
                        {"1KiB", 1024},
                        {"512 MiB", 512 << 20},
                        {"16GiB", int64_t{16} << 30},
                        {"2TiB", int64_t{2} << 40}}) {
    EXPECT_OK(value.set(c.text)) << c.text;
    EXPECT_EQ(bytes, c.bytes) << c.text;
  }
  // 8388608 TiB are 2^63 bytes, one more than fit.
  for (const char* wrong :
       {"", "KiB", "1KB", "1.5GiB", "-1", "+1", " 1", "1 ", "8388608TiB", "1GiBs"}) {
    EXPECT_THAT(std::string(value.set(wrong).message()), HasSubstr("number of bytes")) << wrong;
  }
}

TEST(OptionValues, BytesStayInTheirRangeAndAreShownShort) {
  int64_t bytes = int64_t{20} << 30;
  const OptionValue value = BytesValue(&bytes, 1 << 20, int64_t{1} << 40);
  EXPECT_EQ(value.default_text, "20GiB");
  EXPECT_THAT(std::string(value.set("1KiB").message()), HasSubstr("from 1MiB to 1TiB"));
  EXPECT_THAT(value.set("2TiB"), Not(IsOk()));
  EXPECT_OK(value.set("1TiB"));
  EXPECT_EQ(BytesValue(&(bytes = 1500), 0, kMax).default_text, "1500");
  EXPECT_EQ(BytesValue(&(bytes = 0), 0, kMax).default_text, "0");
}

TEST(OptionValues, DurationsNeedAUnit) {
  absl::Duration duration = absl::Seconds(90);
  const OptionValue value = DurationValue(&duration, absl::Seconds(1), absl::Hours(24));
  EXPECT_EQ(value.default_text, "1m30s");
  EXPECT_OK(value.set("1h30m"));
  EXPECT_EQ(duration, absl::Minutes(90));
  for (const char* wrong : {"", "90", "soon"}) {
    EXPECT_THAT(std::string(value.set(wrong).message()), HasSubstr("write 500ms, 90s")) << wrong;
  }
  for (const char* wrong : {"0", "-5s", "25h", "inf"}) {
    EXPECT_THAT(std::string(value.set(wrong).message()), HasSubstr("from 1s to 24h")) << wrong;
  }
}

TEST(OptionValues, SwitchesUnderstandYesAndNo) {
  bool on = false;
  const OptionValue value = SwitchValue(&on);
  EXPECT_EQ(value.hint, "");
  for (const char* word : {"true", "yes", "on", "1", "True", "YES"}) {
    on = false;
    EXPECT_OK(value.set(word));
    EXPECT_TRUE(on) << word;
  }
  for (const char* word : {"false", "no", "off", "0", "False"}) {
    on = true;
    EXPECT_OK(value.set(word));
    EXPECT_FALSE(on) << word;
  }
  EXPECT_THAT(value.set("maybe"), Not(IsOk()));
  EXPECT_THAT(value.set(""), Not(IsOk()));
}

TEST(OptionValues, AddressesHaveAHostAndAPort) {
  std::string address = "127.0.0.1:7460";
  const OptionValue value = HostPortValue(&address);
  for (const char* right : {"localhost:1", "10.0.0.1:65535", "[::1]:7460", "a-b.example:80"}) {
    EXPECT_OK(value.set(right)) << right;
    EXPECT_EQ(address, right);
  }
  for (const char* wrong : {"", "localhost", ":7460", "::1:7460", "[::1:7460", "[no]:1", "a b:1",
                            "http://x:1", "x:", "x:0", "x:65536", "x:-1", "x:7460 ", "x:+1"}) {
    EXPECT_THAT(value.set(wrong), Not(IsOk())) << wrong;
  }
  EXPECT_OK(HostPortValue(&address, PortZero::kLetsTheSystemChoose).set("127.0.0.1:0"));
}

TEST(OptionValues, AChoiceListsItsWords) {
  enum class Color { kRed, kBlue } color = Color::kBlue;
  const OptionValue value =
      ChoiceValue<Color>("COLOR", &color, {{"red", Color::kRed}, {"blue", Color::kBlue}});
  EXPECT_EQ(value.default_text, "blue");
  EXPECT_THAT(std::string(value.set("green").message()), HasSubstr("is none of red, blue"));
  EXPECT_OK(value.set("red"));
  EXPECT_EQ(color, Color::kRed);
}

TEST(OptionValues, QuotedTextIsHarmlessAndShort) {
  EXPECT_EQ(QuoteValue("a\x1b[31m'"), "'a\\033[31m\\''");
  EXPECT_LT(QuoteValue(std::string(1 << 20, 'x')).size(), 300u);
}

}  // namespace
}  // namespace quantd
