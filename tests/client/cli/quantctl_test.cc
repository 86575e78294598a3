// Whole commands against a server in this process: arguments in, exit code and text out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/command.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "nlohmann/json.hpp"
#include "tests/client/cli/sample_job.h"
#include "tests/support/fake_server.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class QuantctlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, MakeTemporaryFolder("quantctl_test"));
    Write("model.onnx", "model bytes");
    Write("data.npy", "data bytes");
    Write("labels.npy", "label bytes");
  }
  void TearDown() override { RemoveAll(folder_).IgnoreError(); }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    EXPECT_OK(WriteFileAtomically(path, content));
    return path;
  }

  int Run(std::vector<std::string> words) {
    out_.str("");
    err_.str("");
    Environment env = {.out = out_,
                       .err = err_,
                       .variable =
                           [this](const std::string& name) {
                             return name == "QUANTD_SERVER" ? server_.address() : std::string();
                           },
                       .interrupted = stop_.get_token(),
                       .clock = &clock_};
    return RunQuantctl(commands::All(), words, env);
  }

  // submit with model, data and a preset, and what else a test wants.
  int Submit(const std::vector<std::string>& more) {
    std::vector<std::string> words = {
        "submit",   "--model", folder_ + "/model.onnx", "--data", folder_ + "/data.npy",
        "--preset", "w8a8-mse"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }

  // Every job that is submitted has succeeded at once, with an artifact of two files.
  void FinishJobs(v1::Job job = testing::SampleJob()) {
    v1::Artifact artifact;
    artifact.set_name("tenants/default/artifacts/a1");
    *artifact.add_files() = server_.artifacts.AddBlob("model.onnx_qdq.onnx", "quantized");
    *artifact.add_files() = server_.artifacts.AddBlob("report.html", "<html>");
    server_.artifacts.artifacts[artifact.name()] = artifact;
    server_.jobs.finished = std::make_shared<v1::Job>(job);
    v1::JobEvent event;
    event.set_sequence(1);
    event.set_state(job.state());
    server_.jobs.events = {event};
  }

  const v1::JobSpec& spec() const { return server_.jobs.last_create.job().spec(); }

  std::string folder_;
  testing::FakeServer server_;
  SystemClock clock_;
  std::stop_source stop_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(QuantctlTest, SubmitUploadsOnlyWhatIsMissingAndPrintsTheJobsName) {
  server_.artifacts.AddBlob("model.onnx", "model bytes");
  EXPECT_EQ(Submit({}), kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "tenants/default/jobs/j1\n");
  EXPECT_EQ(server_.artifacts.write_streams, 1);
  EXPECT_EQ(server_.artifacts.blobs[Sha256Hex("data bytes")], "data bytes");
  EXPECT_THAT(err_.str(), HasSubstr("uploaded 1 of 2 files (10 B)"));
  EXPECT_EQ(spec().model().main_file(), "model.onnx");
  EXPECT_EQ(spec().model().files(0).digest(), Sha256Hex("model bytes"));
  EXPECT_EQ(spec().data().files(0).name(), "data.npy");
  EXPECT_EQ(spec().recipe().preset(), "w8a8-mse");
  EXPECT_FALSE(server_.jobs.last_create.request_id().empty());
}

TEST_F(QuantctlTest, SubmitFillsTheSpecFromItsFlags) {
  ASSERT_EQ(Submit({"--labels",
                    folder_ + "/labels.npy",
                    "--label-column=1",
                    "--format",
                    "npy",
                    "--resize",
                    "32x24",
                    "--crop",
                    "28x20",
                    "--scale",
                    "1/4",
                    "--mean",
                    "0.5,0.25,0.125",
                    "--std",
                    "2",
                    "--layout",
                    "nhwc",
                    "--channels",
                    "bgr",
                    "--calibration-rows",
                    "100",
                    "--evaluation-rows",
                    "2000",
                    "--seed",
                    "9",
                    "--alpha",
                    "0.1",
                    "--metrics",
                    "kl",
                    "top1_agreement",
                    "--gate",
                    "top1_agreement.lower >= 0.98",
                    "--gate",
                    "kl <= 0.1",
                    "--priority",
                    "-5",
                    "--threads",
                    "2",
                    "--exclude",
                    "Softmax:*",
                    "--exclude",
                    "/head/*",
                    "--name",
                    "nightly",
                    "--label",
                    "team=vision",
                    "--request-id",
                    "r1",
                    "--bind",
                    "pixels=data.npy",
                    "--tenant",
                    "acme"}),
            kExitOk)
      << err_.str();
  const v1::DataInput& data = spec().data();
  EXPECT_EQ(data.files_size(), 2);
  EXPECT_EQ(data.labels().array(), "labels.npy");
  EXPECT_EQ(data.labels().column(), 1);
  EXPECT_EQ(data.format(), v1::DataInput::NPY);
  EXPECT_EQ(data.bindings().at("pixels"), "data.npy");
  const v1::Preprocessing& pre = data.preprocessing();
  EXPECT_EQ(pre.resize_width(), 32);
  EXPECT_EQ(pre.resize_height(), 24);
  EXPECT_EQ(pre.crop_width(), 28);
  EXPECT_EQ(pre.crop_height(), 20);
  EXPECT_EQ(pre.scale(), 0.25);
  EXPECT_THAT(pre.mean(), ElementsAre(0.5, 0.25, 0.125));
  EXPECT_THAT(pre.std(), ElementsAre(2.0));
  EXPECT_EQ(pre.layout(), v1::Preprocessing::NHWC);
  EXPECT_EQ(pre.channels(), v1::Preprocessing::BGR);
  EXPECT_EQ(spec().calibration().rows(), 100);
  EXPECT_EQ(spec().calibration().seed(), 9u);
  EXPECT_EQ(spec().evaluation().rows(), 2000);
  EXPECT_EQ(spec().evaluation().alpha().denominator(), 10);
  EXPECT_THAT(spec().evaluation().metrics(), ElementsAre("kl", "top1_agreement"));
  EXPECT_EQ(spec().gates_size(), 2);
  EXPECT_EQ(spec().execution().priority(), -5);
  EXPECT_EQ(spec().execution().threads(), 2);
  EXPECT_EQ(spec().recipe().rules(0).op_type(), "Softmax");
  EXPECT_EQ(spec().recipe().rules(0).node_name(), "*");
  EXPECT_EQ(spec().recipe().rules(1).op_type(), "");
  EXPECT_EQ(spec().recipe().rules(1).node_name(), "/head/*");
  const v1::CreateJobRequest& request = server_.jobs.last_create;
  EXPECT_EQ(request.parent(), "tenants/acme");
  EXPECT_EQ(request.request_id(), "r1");
  EXPECT_EQ(request.job().display_name(), "nightly");
  EXPECT_EQ(request.job().labels().at("team"), "vision");
}

TEST_F(QuantctlTest, LevelsOutOfRangeAreTheServersToRefuse) {
  ASSERT_EQ(Submit({"--alpha", "0"}), kExitOk);
  EXPECT_EQ(spec().evaluation().alpha().numerator(), 0);
  EXPECT_EQ(spec().evaluation().alpha().denominator(), 1);
  ASSERT_EQ(Submit({"--alpha", "1.5"}), kExitOk);
  EXPECT_EQ(spec().evaluation().alpha().numerator(), 3);
  EXPECT_EQ(Submit({"--alpha", "junk"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("--alpha"));
}

TEST_F(QuantctlTest, LabelsMayBeAFileAmongTheDataOrAKey) {
  ASSERT_EQ(Submit({"--data", folder_ + "/labels.npy", "--labels", "labels.npy"}), kExitOk);
  EXPECT_EQ(spec().data().files_size(), 2);
  EXPECT_EQ(spec().data().labels().array(), "labels.npy");
  ASSERT_EQ(Submit({"--labels", "y_test"}), kExitOk);
  EXPECT_EQ(spec().data().labels().array(), "y_test");
  ASSERT_EQ(Submit({"--labels", "prefix"}), kExitOk);
  EXPECT_TRUE(spec().data().labels().file_name_prefix());
}

TEST_F(QuantctlTest, TwoFilesOfOneNameAreRefused) {
  ASSERT_OK(CreateFolders(folder_ + "/other"));
  Write("other/data.npy", "other bytes");
  EXPECT_EQ(Submit({"--data", folder_ + "/other/data.npy"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("would both be called 'data.npy'"));
}

TEST_F(QuantctlTest, AFolderGivesFilesNamedRelativeToIt) {
  ASSERT_OK(CreateFolders(folder_ + "/photos/cat"));
  Write("photos/cat/1.png", "cat");
  ASSERT_OK(CreateFolders(folder_ + "/net"));
  Write("net/net.onnx", "net");
  Write("net/net.data", "weights");
  ASSERT_EQ(Run({"submit", "--model", folder_ + "/net", "--data", folder_ + "/photos", "--labels",
                 "folder", "--preset", "p"}),
            kExitOk)
      << err_.str();
  EXPECT_EQ(spec().model().main_file(), "net.onnx");
  EXPECT_EQ(spec().model().files_size(), 2);
  EXPECT_EQ(spec().data().files(0).name(), "cat/1.png");
  EXPECT_TRUE(spec().data().labels().folder_name());
}

TEST_F(QuantctlTest, ARecipeFileIsReadAndAPresetNamesItsBase) {
  const std::string recipe =
      Write("r.yaml", "activation: {range: entropy}\nrules: [{op_type: Gemm, exclude: true}]\n");
  ASSERT_EQ(Submit({"--recipe", recipe, "--exclude", "x"}), kExitOk) << err_.str();
  EXPECT_EQ(spec().recipe().preset(), "w8a8-mse");
  EXPECT_EQ(spec().recipe().activation().range().id(), "entropy");
  EXPECT_EQ(spec().recipe().rules_size(), 2);
}

TEST_F(QuantctlTest, WaitingShowsTheReportAndTheGateDecidesTheExitCode) {
  FinishJobs();
  EXPECT_EQ(Submit({"--wait"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("tenants/default/jobs/j1\nvit: int8"));
  EXPECT_THAT(out_.str(), HasSubstr("gate PASSED: top1_agreement.lower >= 0.98"));
  EXPECT_THAT(err_.str(), HasSubstr("SUCCEEDED"));

  v1::Job job = testing::SampleJob();
  job.mutable_gate_results(0)->set_outcome(v1::GateResult::INCONCLUSIVE);
  FinishJobs(job);
  EXPECT_EQ(Submit({"--wait"}), kExitInconclusive);
  job.mutable_gate_results(0)->set_outcome(v1::GateResult::FAILED);
  FinishJobs(job);
  EXPECT_EQ(Submit({"--wait"}), kExitGateFailed);
}

TEST_F(QuantctlTest, WaitingWithJsonPrintsTheFinishedJobAndNothingElse) {
  FinishJobs();
  EXPECT_EQ(Submit({"--wait", "--output", "json"}), kExitOk) << err_.str();
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["state"], "SUCCEEDED");
  EXPECT_EQ(json["gate_results"][0]["gate"]["threshold"], 0.98);
  EXPECT_EQ(err_.str(), "tenants/default/jobs/j1\n");
}

TEST_F(QuantctlTest, AWaitThatEndsBeforeTheJobSaysSo) {
  EXPECT_EQ(Submit({"--wait-timeout", "0.05"}), kExitStillRunning);
  EXPECT_THAT(out_.str(), StartsWith("tenants/default/jobs/"));
  EXPECT_THAT(err_.str(), HasSubstr("STILL_RUNNING"));
}

TEST_F(QuantctlTest, SubmitDownloadsAfterSuccess) {
  FinishJobs();
  EXPECT_EQ(Submit({"--download", folder_ + "/out"}), kExitOk) << err_.str();
  EXPECT_EQ(ReadFile(folder_ + "/out/model.onnx_qdq.onnx", 100).value(), "quantized");
  EXPECT_EQ(ReadFile(folder_ + "/out/report.html", 100).value(), "<html>");
}

TEST_F(QuantctlTest, AnArtifactCannotWriteOutsideOfItsFolder) {
  FinishJobs();
  *server_.artifacts.artifacts["tenants/default/artifacts/a1"].add_files() =
      server_.artifacts.AddBlob("../evil", "evil");
  EXPECT_EQ(Submit({"--download", folder_ + "/out"}), kExitInfrastructure);
  EXPECT_THAT(err_.str(), HasSubstr("UNSAFE_FILE_NAME"));
  EXPECT_FALSE(FileExists(folder_ + "/evil"));
}

TEST_F(QuantctlTest, RefusalsNameTheFieldsForPeopleAndForPrograms) {
  server_.jobs.create_error =
      InvalidFields("INVALID_SPEC", {{"spec.evaluation.alpha", "must lie between 0 and 1"},
                                     {"spec.gates[0].metric", "no metric 'x'"}});
  EXPECT_EQ(Submit({}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("\n  spec.evaluation.alpha: must lie between 0 and 1\n"));
  EXPECT_EQ(Submit({"--output=json"}), kExitInvalidRequest);
  EXPECT_EQ(out_.str(), "");
  const auto json = nlohmann::json::parse(err_.str());
  EXPECT_EQ(json["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(json["reason"], "INVALID_SPEC");
  EXPECT_EQ(json["violations"][1]["field"], "spec.gates[0].metric");
}

TEST_F(QuantctlTest, WrongUsageIsToldWithoutAServer) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"sumbit"}, "did you mean 'submit'?"},
      {{"list", "--fliter", "x"}, "did you mean --filter?"},
      {{"get"}, "'get' needs JOB"},
      {{"get", "a", "b"}, "unexpected argument 'b'"},
      {{"list", "--output", "xml"}, "--output is 'table' or 'json'"},
      {{"submit", "--preset", "p"}, "no model"},
      {{"submit", "--model", "m"}, "no recipe"},
      {{"submit", "--preset", "p", "--model", "/no/model.onnx", "--data", "d"}, "/no/model.onnx"},
      {{"--bogus"}, "unknown flag --bogus"},
      {{"get", "\xff"}, "'?' is not UTF-8"},
      {{"submit", "--preset", "p", "--gate", "nonsense"}, "--gate"}};
  for (const auto& [words, text] : kCases) {
    EXPECT_EQ(Run(words), kExitInvalidRequest) << words[0];
    EXPECT_THAT(err_.str(), HasSubstr(text));
  }
}

TEST_F(QuantctlTest, HelpIsThereInEveryForm) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"help"}, {"-h"}, {"--server", "x", "--help"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Commands:"));
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"submit", "--help"},
                                                {"help", "submit"},
                                                {"submit", "--model", "x", "-h"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Usage: quantctl submit"));
  }
  EXPECT_EQ(Run({}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("Commands:"));
}

TEST_F(QuantctlTest, WatchResumesAndEndsWithTheJobsExitCode) {
  FinishJobs();
  ASSERT_EQ(Submit({}), kExitOk);
  v1::JobEvent running;
  running.set_sequence(2);
  running.mutable_progress()->set_stage("evaluate");
  server_.jobs.events.push_back(running);
  server_.jobs.break_watch_after_events = 1;
  EXPECT_EQ(Run({"watch", "j1"}), kExitOk) << err_.str();
  EXPECT_THAT(server_.jobs.watch_starts, ElementsAre(0, 1));
  EXPECT_THAT(out_.str(), HasSubstr("evaluate"));
  EXPECT_THAT(out_.str(), HasSubstr("gate PASSED"));
}

TEST_F(QuantctlTest, AnInterruptLeavesTheJobAndSaysHowToGoOn) {
  ASSERT_EQ(Submit({}), kExitOk);
  v1::JobEvent event;
  event.set_sequence(1);
  server_.jobs.events = {event};
  std::jthread interrupter([this] {
    while (true) {
      const std::lock_guard lock(server_.jobs.mutex);
      if (!server_.jobs.watch_starts.empty()) break;
    }
    stop_.request_stop();
  });
  EXPECT_EQ(Run({"watch", "j1"}), kExitInterrupted);
  EXPECT_THAT(err_.str(), HasSubstr("quantctl watch tenants/default/jobs/j1"));
  EXPECT_EQ(server_.jobs.jobs["tenants/default/jobs/j1"].state(), v1::Job::QUEUED);
}

TEST_F(QuantctlTest, ListFollowsPagesUpToItsLimit) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Submit({}), kExitOk);
  ASSERT_EQ(Run({"list", "--page-size", "2", "--filter", "state=QUEUED", "--output=json"}),
            kExitOk);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["jobs"].size(), 5u);
  EXPECT_EQ(server_.jobs.list_calls, 3);
  EXPECT_EQ(server_.jobs.last_list.filter(), "state=QUEUED");
  ASSERT_EQ(Run({"list", "--limit", "3"}), kExitOk);
  EXPECT_THAT(out_.str(), StartsWith("NAME                     STATE   PROGRESS  AGE"));
  EXPECT_THAT(out_.str(), HasSubstr("jobs/j3  QUEUED"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("jobs/j4")));
  EXPECT_THAT(err_.str(), HasSubstr("there are more"));
}

TEST_F(QuantctlTest, GetCancelDownloadReportAndDeleteWorkByShortName) {
  FinishJobs();
  ASSERT_EQ(Submit({}), kExitOk);
  EXPECT_EQ(Run({"get", "j1"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("state:        SUCCEEDED"));
  EXPECT_EQ(Run({"download", "j1", "--to", folder_ + "/o"}), kExitOk);
  EXPECT_EQ(out_.str(), folder_ + "/o/model.onnx_qdq.onnx\n" + folder_ + "/o/report.html\n");
  EXPECT_EQ(Run({"report", "j1", "--html", folder_ + "/r.html"}), kExitOk);
  EXPECT_EQ(ReadFile(folder_ + "/r.html", 100).value(), "<html>");
  EXPECT_EQ(Run({"report", "j1", "--json"}), kExitOk);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["metrics"][0]["value"], 0.996);
  EXPECT_EQ(Run({"cancel", "j1"}), kExitOk);
  EXPECT_EQ(out_.str(), "tenants/default/jobs/j1  CANCELLED\n");
  EXPECT_EQ(Run({"delete", "j1"}), kExitOk);
  EXPECT_EQ(Run({"get", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
}

TEST_F(QuantctlTest, AJobWithoutReportOrArtifactSaysSo) {
  ASSERT_EQ(Submit({}), kExitOk);
  EXPECT_EQ(Run({"report", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("has no report yet"));
  EXPECT_EQ(Run({"download", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("has no artifact yet"));
}

TEST_F(QuantctlTest, DoctorPassesAndWarns) {
  EXPECT_EQ(Run({"doctor"}), kExitOk) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr("ok    server: "));
  EXPECT_THAT(out_.str(), HasSubstr("ok    workers: "));
  server_.quality.no_worker_yet = true;
  EXPECT_EQ(Run({"doctor"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("warn  workers: no worker"));
  EXPECT_EQ(Run({"doctor", "--server", "127.0.0.1:1", "--timeout", "0.2"}), kExitInfrastructure);
  EXPECT_THAT(out_.str(), HasSubstr("fail  server: "));
}

TEST_F(QuantctlTest, CataloguesAreTables) {
  EXPECT_EQ(Run({"presets"}), kExitOk);
  EXPECT_EQ(out_.str(),
            "PRESET    SUMMARY\nw8a8-mse  Eight bits, ranges by least squared error.\n");
  EXPECT_EQ(Run({"methods", "range"}), kExitOk);
  EXPECT_EQ(out_.str(), "AXIS   ID   SUMMARY\nrange  mse  Least squared error.\n");
}

TEST_F(QuantctlTest, UploadSendsFilesAndNamesThem) {
  EXPECT_EQ(Run({"upload", folder_ + "/data.npy", "--artifact"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("tenants/default/artifacts/a1\n"));
  EXPECT_THAT(out_.str(), HasSubstr(Sha256Hex("data bytes")));
}

TEST_F(QuantctlTest, ValidationStoresNothing) {
  EXPECT_EQ(Submit({"--validate-only"}), kExitOk);
  EXPECT_EQ(out_.str(), "valid\nwarning: no worker has announced its methods yet\n");
  EXPECT_EQ(server_.jobs.create_calls, 0);
}

}  // namespace
}  // namespace quantd
