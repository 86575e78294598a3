// Operators on strings beyond the ONNX project's cases.
#include <gmock/gmock.h>

#include <limits>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "worker/backend/cpu/string_cast.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::HasReason;
using testing::RunOne;

using Strings = std::vector<std::string>;

Tensor Words(const Strings& words) { return Tensor::Of<std::string>({static_cast<int64_t>(words.size())}, words); }

TEST(StringCastTest, NumbersBecomeTheShortestTextThatReadsBack) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::Of<float>({7}, {0.1f, -2, 1e-4f, 1e20f, inf, -inf, std::numeric_limits<float>::quiet_NaN()});
  ASSERT_OK_AND_ASSIGN(const Tensor text, cpu::NumbersToStrings(x));
  EXPECT_TRUE(IdenticalTensors(text, Words({"0.1", "-2", "1e-04", "1e+20", "INF", "-INF", "NaN"})));
  // The same number as double needs more digits than the float did.
  ASSERT_OK_AND_ASSIGN(const Tensor wide, cpu::NumbersToStrings(Tensor::Of<double>({1}, {double{0.1f}})));
  EXPECT_EQ(wide.data<std::string>()[0], "0.10000000149011612");
  ASSERT_OK_AND_ASSIGN(const Tensor integer, cpu::NumbersToStrings(Tensor::Of<int64_t>({1}, {INT64_MIN})));
  EXPECT_EQ(integer.data<std::string>()[0], "-9223372036854775808");
}

TEST(StringCastTest, TextBecomesTheNumberThatAllOfItSpells) {
  ASSERT_OK_AND_ASSIGN(const Tensor integers, cpu::StringsToNumbers(Words({"12", "-9223372036854775808"})));
  EXPECT_TRUE(IdenticalTensors(integers, Tensor::Of<int64_t>({2}, {12, INT64_MIN})));
  ASSERT_OK_AND_ASSIGN(const Tensor reals, cpu::StringsToNumbers(Words({"1.5", "7", "-1e3", "inf", "-INF"})));
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(IdenticalTensors(reals, Tensor::Of<double>({5}, {1.5, 7, -1000, inf, -inf})));
  for (const char* bad : {"", "x", "1.5x", "0x"}) {
    EXPECT_THAT(cpu::StringsToNumbers(Words({"1", bad})), HasReason("BAD_VALUE")) << bad;
  }
}

TEST(StringNormalizerTest, ChangesCaseBeyondAscii) {
  ASSERT_OK_AND_ASSIGN(const Tensor lower,
                       RunOne("StringNormalizer", {Words({"\xC3\x84ra", "\xCE\xA9", "x"})},
                              {{"case_change_action", std::string("LOWER")}}));
  EXPECT_TRUE(IdenticalTensors(lower, Words({"\xC3\xA4ra", "\xCF\x89", "x"})));  // Ä to ä, Ω to ω.
}

TEST(StringNormalizerTest, StopWordsMatchInAnyCaseUnlessToldOtherwise) {
  for (const int64_t sensitive : {0, 1}) {
    ASSERT_OK_AND_ASSIGN(const Tensor kept, RunOne("StringNormalizer", {Words({"Monday", "monday", "tuesday"})},
                                                   {{"is_case_sensitive", sensitive}, {"stopwords", Strings{"monday"}}}));
    EXPECT_TRUE(IdenticalTensors(kept, sensitive ? Words({"Monday", "tuesday"}) : Words({"tuesday"})));
  }
  EXPECT_THAT(RunOne("StringNormalizer", {Words({"\xff"})}), HasReason("BAD_VALUE"));
  EXPECT_THAT(RunOne("StringNormalizer", {Words({"a"}).Reshaped({1, 1, 1})}), HasReason("BAD_SHAPE"));
}

Attributes Vectorizer(const std::string& mode) {
  // Single words a, b; pairs (a,b), (b,a).
  return {{"mode", mode},
          {"min_gram_length", int64_t{1}},
          {"max_gram_length", int64_t{2}},
          {"max_skip_count", int64_t{1}},
          {"ngram_counts", std::vector<int64_t>{0, 2}},
          {"ngram_indexes", std::vector<int64_t>{3, 0, 1, 2}},
          {"weights", std::vector<float>{10, 20, 30, 40}},
          {"pool_strings", Strings{"a", "b", "a", "b", "b", "a"}}};
}

TEST(TfIdfVectorizerTest, CountsAndWeighsWordsAndPairsWithSkips) {
  // In "a b a c": a twice, b once; next to each other (a,b), (b,a); with one between them (a,a), (b,c).
  const std::pair<const char*, std::vector<float>> cases[] = {
      {"TF", {1, 1, 1, 2}}, {"IDF", {20, 30, 40, 10}}, {"TFIDF", {20, 30, 40, 20}}};
  for (const auto& [mode, expected] : cases) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("TfIdfVectorizer", {Words({"a", "b", "a", "c"})}, Vectorizer(mode)));
    EXPECT_TRUE(IdenticalTensors(y, Tensor::Of<float>({4}, expected))) << mode;
  }
}

TEST(TfIdfVectorizerTest, BadTablesAreRefused) {
  const auto refused = [](const std::string& key, AttributeValue value) {
    Attributes attributes = Vectorizer("TF");
    attributes[key] = std::move(value);
    EXPECT_THAT(RunOne("TfIdfVectorizer", {Words({"a"})}, attributes), HasReason("BAD_ATTRIBUTE")) << key;
  };
  refused("mode", std::string("NONE"));
  refused("max_gram_length", int64_t{3});
  refused("min_gram_length", int64_t{0});
  refused("max_skip_count", int64_t{-1});
  refused("ngram_counts", std::vector<int64_t>{0, 3});
  refused("ngram_counts", std::vector<int64_t>{0, 100});
  refused("ngram_indexes", std::vector<int64_t>{0, 1, 2});
  refused("ngram_indexes", std::vector<int64_t>{0, 1, 2, INT64_MAX});
  refused("weights", std::vector<float>{1});
  EXPECT_THAT(RunOne("TfIdfVectorizer", {Tensor::Of<int64_t>({1}, {1})}, Vectorizer("TF")), HasReason("UNSUPPORTED_TYPE"));
}

}  // namespace
}  // namespace quantd
