#include "worker/exec/run_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace quantd {
namespace {

Tensor Make(TensorMemory& memory, int64_t bytes) {
  return Tensor::Uninitialized(DataType::kUint8, {bytes}, memory);
}

// A chain: each tensor dies when its successor exists. The last one is the result.
Tensor Chain(RunMemory::Session& memory, std::vector<const void*>* places = nullptr) {
  Tensor last = Make(memory, 1000);
  for (const int64_t bytes : {3000, 2000, 500}) {
    Tensor next = Make(memory, bytes);
    if (places != nullptr) places->push_back(last.raw());
    last = next;
  }
  return last;
}

TEST(RunMemoryTest, TheSecondRunReusesPlaces) {
  RunMemory memory;
  const std::vector<Shape> shapes = {{2, 3}};
  {
    auto session = memory.Begin(shapes);
    const Tensor result = Chain(*session);
    session->Finish();
  }
  EXPECT_EQ(memory.block_bytes(), 3008u + 2048u);  // The largest neighbours, in units of 64.
  std::vector<const void*> second, third;
  for (auto* places : {&second, &third}) {
    auto session = memory.Begin(shapes);
    const Tensor result = Chain(*session, places);
    session->Finish();
  }
  EXPECT_EQ(second, third);
}

TEST(RunMemoryTest, AKeptTensorIsNeverOverwritten) {
  RunMemory memory;
  std::vector<Tensor> kept;
  for (int run = 0; run < 4; ++run) {
    auto session = memory.Begin({});
    Tensor first = Make(*session, 256);
    std::memset(first.mutable_raw(), run, 256);
    if (run > 0) kept.push_back(first);  // The plan says that it dies before the next one is made.
    first = Tensor();
    Tensor next = Make(*session, 256);
    std::memset(next.mutable_raw(), 0xee, 256);
    next = Tensor();
    session->Finish();
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].data<uint8_t>()[0], i + 1);
    EXPECT_EQ(kept[i].data<uint8_t>()[255], i + 1);
  }
}

TEST(RunMemoryTest, OtherSizesThanPlannedComeFromTheHeap) {
  RunMemory memory;
  for (const int64_t bytes : {100, 100, 100000}) {
    auto session = memory.Begin({});
    Tensor tensor = Make(*session, bytes);
    std::memset(tensor.mutable_raw(), 1, static_cast<size_t>(bytes));
    Tensor unplanned = Make(*session, bytes);
    std::memset(unplanned.mutable_raw(), 2, static_cast<size_t>(bytes));
    EXPECT_EQ(tensor.data<uint8_t>()[bytes - 1], 1);
    tensor = Tensor();
    unplanned = Tensor();
    session->Finish();
  }
}

TEST(RunMemoryTest, ResultsOutliveTheExecutorsMemory) {
  Tensor result;
  {
    RunMemory memory;
    for (int run = 0; run < 2; ++run) {
      auto session = memory.Begin({});
      result = Chain(*session);
      std::memset(result.mutable_raw(), 5, 500);
      session->Finish();
    }
  }
  EXPECT_EQ(result.data<uint8_t>()[499], 5);
}

TEST(RunMemoryTest, ThreadsHaveBlocksOfTheirOwn) {
  RunMemory memory;
  { auto session = memory.Begin({}); Chain(*session); session->Finish(); }
  const auto work = [&](uint8_t mark) {
    for (int run = 0; run < 200; ++run) {
      auto session = memory.Begin({});
      Tensor a = Make(*session, 1000);
      std::memset(a.mutable_raw(), mark, 1000);
      Tensor b = Make(*session, 3000);
      std::memset(b.mutable_raw(), mark + 1, 3000);
      for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(a.data<uint8_t>()[i], mark);
      a = Tensor();
      b = Tensor();
      session->Finish();
    }
  };
  std::thread one(work, uint8_t{10}), two(work, uint8_t{20});
  one.join();
  two.join();
}

}  // namespace
}  // namespace quantd
