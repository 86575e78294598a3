// External data whose file is replaced while it is read. A check of a path and a later open of it
// can see two different files; only what the open itself checks holds.
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "common/error.h"
#include "common/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/worker/io/onnx/model_builder.h"
#include "worker/io/onnx/reader.h"

namespace quantd::hostile {
namespace {

constexpr int kReads = 2000;
constexpr int kWeights = 64;

std::string ModelWithExternalWeights() {
  onnx::ModelProto model = testing::ReluModel();
  onnx::TensorProto* w =
      testing::AddInitializer(model.mutable_graph(), "w", onnx::TensorProto::UINT8, {kWeights});
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto* location = w->add_external_data();
  location->set_key("location");
  location->set_value("w");
  return model.SerializeAsString();
}

TEST(SwappedFileTest, ALinkPutInThePlaceOfTheFileIsNeverFollowed) {
  const testing::TemporaryFolder folder;
  const std::string secret = folder.path() + "/secret";
  const std::string path = folder.path() + "/w";
  ASSERT_TRUE(WriteFileAtomically(secret, std::string(kWeights, 's')).ok());
  ASSERT_TRUE(WriteFileAtomically(path, std::string(kWeights, 'w')).ok());
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    const std::string link = folder.path() + "/link";
    const std::string file = folder.path() + "/file";
    while (!stop) {
      (void)::symlink(secret.c_str(), link.c_str());
      (void)std::rename(link.c_str(), path.c_str());
      if (std::FILE* const good = std::fopen(file.c_str(), "wb")) {
        std::fputs(std::string(kWeights, 'w').c_str(), good);
        std::fclose(good);
      }
      (void)std::rename(file.c_str(), path.c_str());
    }
  });
  const std::string model = ModelWithExternalWeights();
  int read = 0, refused = 0;
  for (int i = 0; i < kReads; ++i) {
    const absl::StatusOr<Model> result = ParseOnnxModel(model, {{"w", path}});
    if (result.ok()) {
      const Tensor& w = result->graph.initializers.at("w");
      EXPECT_EQ(std::string(static_cast<const char*>(w.raw()), w.bytes()),
                std::string(kWeights, 'w'));
      ++read;
    } else {
      EXPECT_EQ(GetErrorDetails(result.status()).reason, "EXTERNAL_DATA") << result.status();
      ++refused;
    }
  }
  stop = true;
  swapper.join();
  EXPECT_EQ(read + refused, kReads);
}

// The mapping holds the file that was opened: a new file under its name changes nothing.
TEST(SwappedFileTest, WhatWasOpenedStaysWhatItWas) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/w";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(kWeights, 'w')).ok());
  const absl::StatusOr<Model> model = ParseOnnxModel(ModelWithExternalWeights(), {{"w", path}});
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE(WriteFileAtomically(path, std::string(kWeights, 's')).ok());
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Tensor& w = model->graph.initializers.at("w");
  EXPECT_EQ(std::string(static_cast<const char*>(w.raw()), w.bytes()), std::string(kWeights, 'w'));
}

}  // namespace
}  // namespace quantd::hostile
