#include "common/utf8.h"

#include <gtest/gtest.h>

namespace quantd {
namespace {

TEST(ToValidUtf8, KeepsWellFormedText) {
  const std::string text = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  EXPECT_EQ(ToValidUtf8(text), text);
}

TEST(ToValidUtf8, ReplacesEachBadByte) {
  EXPECT_EQ(ToValidUtf8("a\xff" "b"), "a?b");
  EXPECT_EQ(ToValidUtf8("\xc0\xaf"), "??");              // Overlong '/'.
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80"), "???");         // A surrogate.
  EXPECT_EQ(ToValidUtf8("\xf4\x90\x80\x80"), "????");    // Above U+10FFFF.
  EXPECT_EQ(ToValidUtf8("x\xe2\x82"), "x??");            // Cut short.
}

TEST(ToPlainText, ControlsAndBadBytesAreMarkedAndLongTextsAreCut) {
  EXPECT_EQ(ToPlainText("caf\xc3\xa9", 10), "caf\xc3\xa9");
  EXPECT_EQ(ToPlainText("a\x1b[2J\n\x7f\xff", 10), "a?[2J???");
  EXPECT_EQ(ToPlainText(std::string(1000, 'x'), 4), "xxxx...");
  EXPECT_EQ(ToPlainText("x\xe2\x82\xac", 2), "x?...");  // Cut inside a character.
}

TEST(IsValidUtf8, KnowsBadBytes) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("caf\xc3\xa9"));
  EXPECT_FALSE(IsValidUtf8("caf\xc3"));
}

}  // namespace
}  // namespace quantd
