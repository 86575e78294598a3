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

}  // namespace
}  // namespace quantd
