// Runs whole commands against a server in this process: arguments in, exit code and text out.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/commands/registry.h"
#include "common/file.h"
#include "tests/client/cli/sample_job.h"
#include "tests/support/fake_server.h"
#include "tests/support/status_matchers.h"

namespace quantd::testing {

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
  void FinishJobs(v1::Job job = SampleJob()) {
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
  FakeServer server_;
  SystemClock clock_;
  std::stop_source stop_;
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace quantd::testing
