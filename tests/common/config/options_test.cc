#include "common/config/options.h"

#include <map>

#include "absl/strings/str_split.h"
#include "common/config/log_options.h"
#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class OptionsTest : public ::testing::Test {
 protected:
  OptionTable Table() {
    return OptionTable(
        "program", "QUANTD_",
        {{.name = "data-dir", .value = TextValue("DIR", &data_dir_), .summary = "Where data lies."},
         {.name = "workers",
          .value = IntegerValue("N", &workers_, 0, 64),
          .summary = "How many.",
          .group = "Embedded mode"},
         {.name = "embedded", .value = SwitchValue(&embedded_), .summary = "Start workers."},
         {.name = "help",
          .value = SwitchValue(&help_),
          .summary = "Print this.",
          .kind = OptionKind::kMode},
         {.name = "run-job",
          .value = TextValue("DIR", &run_job_),
          .summary = "Run a job.",
          .kind = OptionKind::kInternalMode},
         {.name = "events-fd",
          .value = IntegerValue("FD", &events_fd_, 0, 100),
          .summary = "Events.",
          .kind = OptionKind::kInternal}});
  }

  absl::Status Load(const std::vector<std::string>& arguments) {
    return Table().Load(arguments, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    });
  }
  void WriteConfig(const std::string& text) { ASSERT_OK(WriteFileAtomically(config_, text)); }

  testing::TemporaryFolder folder_;
  const std::string config_ = folder_.path() + "/quantd.yaml";
  std::map<std::string, std::string> environment_;
  std::string data_dir_ = "data", run_job_;
  int workers_ = 1, events_fd_ = -1;
  bool embedded_ = false, help_ = false;
};

TEST_F(OptionsTest, DefaultsStayWhereNothingIsGiven) {
  ASSERT_OK(Load({}));
  EXPECT_EQ(data_dir_, "data");
  EXPECT_EQ(workers_, 1);
}

TEST_F(OptionsTest, AFlagWinsOverTheEnvironmentAndThatOverTheFile) {
  WriteConfig("data_dir: from-file\nworkers: 2\nembedded: yes\n");
  environment_ = {{"QUANTD_CONFIG", config_}};
  ASSERT_OK(Load({}));
  EXPECT_EQ(data_dir_, "from-file");
  EXPECT_EQ(workers_, 2);
  EXPECT_TRUE(embedded_);

  environment_["QUANTD_DATA_DIR"] = "from-environment";
  environment_["QUANTD_WORKERS"] = "3";
  ASSERT_OK(Load({"--workers", "4", "--embedded=false"}));
  EXPECT_EQ(data_dir_, "from-environment");
  EXPECT_EQ(workers_, 4);
  EXPECT_FALSE(embedded_);
}

TEST_F(OptionsTest, TheFlagNamesTheFileBeforeTheEnvironmentDoes) {
  WriteConfig("workers: 2\n");
  environment_ = {{"QUANTD_CONFIG", "/nonexistent"}};
  ASSERT_OK(Load({"--config", config_}));
  EXPECT_EQ(workers_, 2);
}

TEST_F(OptionsTest, BothFormsOfAFlagAndTheLastOneCount) {
  ASSERT_OK(Load({"--workers=2", "--data-dir", "-", "--workers", "5", "--embedded"}));
  EXPECT_EQ(workers_, 5);
  EXPECT_EQ(data_dir_, "-");
  EXPECT_TRUE(embedded_);
  ASSERT_OK(Load({"--data-dir=--odd=name"}));
  EXPECT_EQ(data_dir_, "--odd=name");
}

TEST_F(OptionsTest, AnUnknownFlagIsAnErrorWithASuggestion) {
  const absl::Status status = Load({"--wrokers", "2"});
  EXPECT_THAT(status, HasReason("INVALID_FLAG"));
  EXPECT_THAT(status, NamesField("--wrokers"));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("did you mean --workers?"), HasSubstr("see program --help")));
  for (const char* flag : {"extra", "-h", "--", "", "-workers", "--Workers"}) {
    EXPECT_THAT(Load({flag}), HasReason("INVALID_FLAG")) << flag;
  }
  EXPECT_THAT(std::string(Load({"--run-jop"}).message()), Not(HasSubstr("run-job")))
      << "nobody is sent to an internal flag";
}

TEST_F(OptionsTest, AFlagWithoutOrWithAWrongValueIsAnError) {
  EXPECT_THAT(Load({"--workers"}), NamesField("--workers"));
  EXPECT_THAT(Load({"--workers", "--embedded"}), NamesField("--workers"));
  EXPECT_THAT(Load({"--workers", "65"}), NamesField("--workers"));
  EXPECT_THAT(Load({"--embedded=maybe"}), NamesField("--embedded"));
  EXPECT_THAT(Load({"--data-dir="}), HasReason("INVALID_FLAG"));
  EXPECT_THAT(Load({"--config="}), NamesField("--config"));
}

TEST_F(OptionsTest, AWrongVariableIsNamed) {
  environment_ = {{"QUANTD_WORKERS", "many"}};
  EXPECT_THAT(Load({}), HasReason("INVALID_ENVIRONMENT"));
  EXPECT_THAT(Load({}), NamesField("QUANTD_WORKERS"));
}

TEST_F(OptionsTest, EmptyAndUnknownVariablesCountAsNone) {
  environment_ = {{"QUANTD_WORKERS", ""}, {"QUANTD_SOMETHING_ELSE", "x"}, {"QUANTD_CONFIG", ""}};
  EXPECT_OK(Load({}));
  EXPECT_EQ(workers_, 1);
}

TEST_F(OptionsTest, AWrongOrUnknownKeyOfTheFileIsNamed) {
  WriteConfig("workers: 65\n");
  EXPECT_THAT(Load({"--config", config_}), HasReason("INVALID_CONFIG"));
  EXPECT_THAT(Load({"--config", config_}), NamesField(config_ + ": workers"));
  WriteConfig("data_dri: x\n");
  EXPECT_THAT(Load({"--config", config_}), HasReason("INVALID_CONFIG"));
  EXPECT_THAT(Load({"--config", config_}), NamesField(config_ + ": data_dri"));
  EXPECT_THAT(std::string(Load({"--config", config_}).message()),
              HasSubstr("did you mean data-dir?"));
}

TEST_F(OptionsTest, AFileThatIsNotThereIsAConfigurationError) {
  const std::string absent = folder_.path() + "/absent.yaml";
  EXPECT_THAT(Load({"--config", absent}), HasReason("INVALID_CONFIG"));
  EXPECT_THAT(Load({"--config", absent}), NamesField(absent));
}

TEST_F(OptionsTest, ModesAndInternalOptionsAreFlagsOnly) {
  for (const char* key : {"help: true", "run-job: x", "events-fd: 3", "config: other.yaml"}) {
    WriteConfig(key);
    EXPECT_THAT(Load({"--config", config_}), HasReason("INVALID_CONFIG")) << key;
  }
  environment_ = {{"QUANTD_HELP", "true"}, {"QUANTD_RUN_JOB", "x"}, {"QUANTD_EVENTS_FD", "3"}};
  ASSERT_OK(Load({}));
  EXPECT_FALSE(help_);
  EXPECT_EQ(run_job_, "");
  EXPECT_EQ(events_fd_, -1);
}

TEST_F(OptionsTest, AModeReadsNothingButFlags) {
  environment_ = {{"QUANTD_WORKERS", "many"}, {"QUANTD_CONFIG", "/nonexistent"}};
  ASSERT_OK(Load({"--help"}));
  EXPECT_TRUE(help_);
  ASSERT_OK(Load({"--run-job", "dir", "--events-fd", "7"}));
  EXPECT_EQ(run_job_, "dir");
  EXPECT_EQ(events_fd_, 7);
  EXPECT_THAT(Load({"--events-fd", "7"}), HasReason("INVALID_CONFIG")) << "it is no mode";
}

TEST_F(OptionsTest, HelpShowsEachOptionOnceWithDefaultAndVariable) {
  const std::string help = Table().Help();
  EXPECT_THAT(help, HasSubstr("  --data-dir DIR              Where data lies. Default: data. "
                              "Environment: QUANTD_DATA_DIR.\n"));
  EXPECT_THAT(help, HasSubstr("Embedded mode:\n  --workers N  "));
  EXPECT_THAT(help, HasSubstr("QUANTD_CONFIG"));
  EXPECT_THAT(help, Not(HasSubstr("QUANTD_HELP")));
  EXPECT_THAT(help, Not(HasSubstr("run-job")));
  EXPECT_THAT(help, Not(HasSubstr("events-fd")));
}

TEST_F(OptionsTest, HelpFitsTheTerminal) {
  std::string text;
  const OptionTable table("program", "QUANTD_",
                          {{.name = "a-name-that-leaves-no-room-beside-it",
                            .value = TextValue("VALUE", &text),
                            .summary = "A sentence that is so long that it does not fit into one "
                                       "line of a hundred columns together with what follows."}});
  for (const absl::string_view line : absl::StrSplit(table.Help(), '\n')) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST_F(OptionsTest, LogSettingsSurviveTheWayToAnotherProcess) {
  LogSettings settings{.level = LogLevel::kWarning, .format = LogFormat::kJson};
  const std::vector<std::string> flags = LogFlags(settings);
  EXPECT_THAT(flags, ElementsAre("--log-level", "warning", "--log-format", "json"));
  LogSettings read;
  ASSERT_OK(OptionTable("program", "QUANTD_", LogOptions(&read)).Load(flags, [](const auto&) {
    return std::nullopt;
  }));
  EXPECT_EQ(read.level, LogLevel::kWarning);
  EXPECT_EQ(read.format, LogFormat::kJson);
}

TEST(ProcessEnvironmentTest, ReadsTheRealOne) {
  EXPECT_TRUE(ProcessEnvironment()("PATH").has_value());
  EXPECT_FALSE(ProcessEnvironment()("QUANTD_NO_SUCH_VARIABLE").has_value());
}

}  // namespace
}  // namespace quantd
