#include "common/words.h"

#include <gtest/gtest.h>

namespace quantd {
namespace {

TEST(Words, ALongWordIsNoSlip) {
  EXPECT_EQ(DidYouMean("serer", {"server"}), "server");
  EXPECT_EQ(DidYouMean("server" + std::string(1 << 20, 'x'), {"server"}), "");
}

TEST(Words, WrapsAtTheWidthAndIndentsEveryLineButTheFirst) {
  EXPECT_EQ(Wrap("one two three", 2, 9), "one two\n  three");
  EXPECT_EQ(Wrap("indivisible", 2, 5), "indivisible");
}

}  // namespace
}  // namespace quantd
