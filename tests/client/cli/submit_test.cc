// quantctl submit: the spec it makes, what it uploads, how it waits and ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "nlohmann/json.hpp"
#include "tests/client/cli/quantctl_fixture.h"
#include "tests/client/cli/sample_job.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using SubmitTest = testing::QuantctlTest;

TEST_F(SubmitTest, SubmitUploadsOnlyWhatIsMissingAndPrintsTheJobsName) {
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

TEST_F(SubmitTest, SubmitFillsTheSpecFromItsFlags) {
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
                    "--export",
                    "onnx_qdq",
                    "--export",
                    "onnx_matmul_nbits=small.onnx",
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
  ASSERT_EQ(spec().exports_size(), 2);
  EXPECT_EQ(spec().exports(0).format(), "onnx_qdq");
  EXPECT_EQ(spec().exports(0).file_name(), "");
  EXPECT_EQ(spec().exports(1).format(), "onnx_matmul_nbits");
  EXPECT_EQ(spec().exports(1).file_name(), "small.onnx");
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

TEST_F(SubmitTest, LevelsOutOfRangeAreTheServersToRefuse) {
  ASSERT_EQ(Submit({"--alpha", "0"}), kExitOk);
  EXPECT_EQ(spec().evaluation().alpha().numerator(), 0);
  EXPECT_EQ(spec().evaluation().alpha().denominator(), 1);
  ASSERT_EQ(Submit({"--alpha", "1.5"}), kExitOk);
  EXPECT_EQ(spec().evaluation().alpha().numerator(), 3);
  EXPECT_EQ(Submit({"--alpha", "junk"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("--alpha"));
}

TEST_F(SubmitTest, LabelsMayBeAFileAmongTheDataOrAKey) {
  ASSERT_EQ(Submit({"--data", folder_ + "/labels.npy", "--labels", "labels.npy"}), kExitOk);
  EXPECT_EQ(spec().data().files_size(), 2);
  EXPECT_EQ(spec().data().labels().array(), "labels.npy");
  const std::string npz = Write("more.npz", "zip bytes");
  ASSERT_EQ(Submit({"--data", npz, "--labels", "y_test"}), kExitOk);
  EXPECT_EQ(spec().data().labels().array(), "y_test");
  ASSERT_EQ(Submit({"--labels", "prefix"}), kExitOk);
  EXPECT_TRUE(spec().data().labels().file_name_prefix());
}

TEST_F(SubmitTest, AMistypedFileOfLabelsOrABindingIsToldBeforeAnythingIsUploaded) {
  EXPECT_EQ(Submit({"--labels", folder_ + "/lables.npy"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("lables.npy', which is no file"));
  EXPECT_EQ(Submit({"--bind", "image=dta.npy"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("--bind names 'dta.npy'"));
  EXPECT_EQ(server_.jobs.create_calls, 0);
}

TEST_F(SubmitTest, TwoFilesOfOneNameAreRefused) {
  ASSERT_OK(CreateFolders(folder_ + "/other"));
  Write("other/data.npy", "other bytes");
  EXPECT_EQ(Submit({"--data", folder_ + "/other/data.npy"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("would both be called 'data.npy'"));
}

TEST_F(SubmitTest, AFolderGivesFilesNamedRelativeToIt) {
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

TEST_F(SubmitTest, ARecipeFileIsReadAndAPresetNamesItsBase) {
  const std::string recipe =
      Write("r.yaml", "activation: {range: entropy}\nrules: [{op_type: Gemm, exclude: true}]\n");
  ASSERT_EQ(Submit({"--recipe", recipe, "--exclude", "x"}), kExitOk) << err_.str();
  EXPECT_EQ(spec().recipe().preset(), "w8a8-mse");
  EXPECT_EQ(spec().recipe().activation().range().id(), "entropy");
  EXPECT_EQ(spec().recipe().rules_size(), 2);
}

TEST_F(SubmitTest, WaitingShowsTheReportAndTheGateDecidesTheExitCode) {
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

TEST_F(SubmitTest, WaitingWithJsonPrintsTheFinishedJobAndNothingElse) {
  FinishJobs();
  EXPECT_EQ(Submit({"--wait", "--output", "json"}), kExitOk) << err_.str();
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["state"], "SUCCEEDED");
  EXPECT_EQ(json["gate_results"][0]["gate"]["threshold"], 0.98);
  EXPECT_EQ(err_.str(), "tenants/default/jobs/j1\n");
}

TEST_F(SubmitTest, AWaitThatEndsBeforeTheJobSaysSo) {
  EXPECT_EQ(Submit({"--wait-timeout", "0.05"}), kExitStillRunning);
  EXPECT_THAT(out_.str(), StartsWith("tenants/default/jobs/"));
  EXPECT_THAT(err_.str(), HasSubstr("STILL_RUNNING"));
}

TEST_F(SubmitTest, SubmitDownloadsAfterSuccess) {
  FinishJobs();
  EXPECT_EQ(Submit({"--download", folder_ + "/out"}), kExitOk) << err_.str();
  EXPECT_EQ(ReadFile(folder_ + "/out/model.onnx_qdq.onnx", 100).value(), "quantized");
  EXPECT_EQ(ReadFile(folder_ + "/out/report.html", 100).value(), "<html>");
}

TEST_F(SubmitTest, AnArtifactCannotWriteOutsideOfItsFolder) {
  FinishJobs();
  *server_.artifacts.artifacts["tenants/default/artifacts/a1"].add_files() =
      server_.artifacts.AddBlob("../evil", "evil");
  EXPECT_EQ(Submit({"--download", folder_ + "/out"}), kExitInfrastructure);
  EXPECT_THAT(err_.str(), HasSubstr("UNSAFE_FILE_NAME"));
  EXPECT_FALSE(FileExists(folder_ + "/evil"));
}

TEST_F(SubmitTest, RefusalsNameTheFieldsForPeopleAndForPrograms) {
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

TEST_F(SubmitTest, ValidationStoresNothing) {
  EXPECT_EQ(Submit({"--validate-only"}), kExitOk);
  EXPECT_EQ(out_.str(), "valid\nwarning: no worker has announced its methods yet\n");
  EXPECT_EQ(server_.jobs.create_calls, 0);
}

}  // namespace
}  // namespace quantd
