#include "common/config/config_file.h"

#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::IsOk;
using ::quantd::testing::NamesField;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<ConfigEntry>> Read(const std::string& text) {
    EXPECT_OK(WriteFileAtomically(path_, text));
    return ReadConfigFile(path_);
  }
  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/quantd.yaml";
};

TEST_F(ConfigFileTest, ReadsAFlatMappingAsText) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ConfigEntry> entries,
                       Read("# A comment\n"
                            "listen: 0.0.0.0:7460\n"
                            "data_dir: \"/var/lib/quantd\"\n"
                            "workers: 010\n"
                            "embedded: true\n"));
  std::string seen;
  for (const ConfigEntry& entry : entries) seen += entry.key + "=" + entry.value + ";";
  EXPECT_EQ(seen, "listen=0.0.0.0:7460;data_dir=/var/lib/quantd;workers=010;embedded=true;");
}

TEST_F(ConfigFileTest, AnEmptyFileHasNoEntries) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "{}"}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<ConfigEntry> entries, Read(text));
    EXPECT_TRUE(entries.empty()) << text;
  }
}

TEST_F(ConfigFileTest, AKeyStandsOnce) {
  for (const char* text : {"data-dir: a\ndata-dir: b\n", "data-dir: a\ndata_dir: a\n"}) {
    EXPECT_THAT(Read(text), HasReason("INVALID_CONFIG")) << text;
    EXPECT_THAT(std::string(Read(text).status().message()), HasSubstr("twice")) << text;
  }
  EXPECT_THAT(Read("a: 1\na: 2\n"), NamesField(path_ + ": a"));
}

TEST_F(ConfigFileTest, WhatIsNoFlatMappingIsRefused) {
  for (const char* text : {"just text", "- a\n- b\n", "a: [1, 2]\n", "a: {b: 1}\n", "a:\n",
                           "a: ~\n", "[a]: 1\n", "a: 1\n---\nb: 2\n"}) {
    EXPECT_THAT(Read(text), HasReason("INVALID_CONFIG")) << text;
  }
  EXPECT_THAT(Read("a: [1, 2]\n"), NamesField(path_ + ": a"));
}

TEST_F(ConfigFileTest, BrokenYamlNamesTheLine) {
  const auto result = Read("good: 1\nbad: [1, 2\n");
  EXPECT_THAT(result, HasReason("INVALID_CONFIG"));
  EXPECT_THAT(result, NamesField(path_));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("line "));
  // Whatever the parser makes of such bytes, it does not end the process.
  for (const std::string& text : {std::string(100'000, '['), std::string("\xff\xfe\x00\x01", 4),
                                  std::string("a: *unknown\n"), std::string("\t: %")}) {
    EXPECT_THAT(Read(text), Not(IsOk()));
  }
}

TEST_F(ConfigFileTest, AHostileKeyIsShownShortAndEscaped) {
  EXPECT_EQ(ConfigField("f", "a\nb"), "f: a\\nb");
  EXPECT_LT(ConfigField("f", std::string(5000, 'x')).size(), 100u);
}

TEST_F(ConfigFileTest, AMissingFileIsNotFound) {
  EXPECT_THAT(ReadConfigFile(folder_.path() + "/absent"),
              testing::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace quantd
