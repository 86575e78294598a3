#include "server/rpc/paging.h"

#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::NamesField;

TEST(PageSize, ZeroMeansFiftyAndOtherSizesUpToAThousandAreTaken) {
  EXPECT_THAT(PageSize(0), IsOkAndHolds(50));
  EXPECT_THAT(PageSize(1), IsOkAndHolds(1));
  EXPECT_THAT(PageSize(1000), IsOkAndHolds(1000));
}

TEST(PageSize, AnythingElseIsRefused) {
  for (const int size : {-1, 1001, std::numeric_limits<int>::min()}) {
    EXPECT_THAT(PageSize(size), HasReason("INVALID_PAGE"));
    EXPECT_THAT(PageSize(size), NamesField("page_size"));
  }
}

TEST(PageToken, IsReadBackAsItWasMade) {
  for (const int64_t key : {int64_t{1}, int64_t{42}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(ParsePageToken(MakePageToken(key)), IsOkAndHolds(std::optional<int64_t>(key)));
  }
}

TEST(PageToken, AnEmptyOneMeansTheFirstPage) {
  EXPECT_THAT(ParsePageToken(""), IsOkAndHolds(std::optional<int64_t>()));
}

TEST(PageToken, WhatNobodyMadeIsRefused) {
  for (const std::string token : {"k", "7", "k0", "k-1", "kx", "K7", "k7 ", "k 7", "k+7", "k07",
                                  "k7k", " k7", "k9223372036854775808"}) {
    SCOPED_TRACE(token);
    EXPECT_THAT(ParsePageToken(token), HasReason("INVALID_PAGE"));
    EXPECT_THAT(ParsePageToken(token), NamesField("page_token"));
  }
}

}  // namespace
}  // namespace quantd
