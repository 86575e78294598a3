// libFuzzer's target for the ONNX reader and the planner; docs/testing.md says how to run it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "common/error.h"
#include "tests/fuzz/import_and_plan.h"
#include "tests/fuzz/model_mutator.h"

extern "C" {

// libFuzzer's own mutation of raw bytes.
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Status status =
      quantd::testing::ImportAndPlan({reinterpret_cast<const char*>(data), size});
  if (!quantd::testing::IsTypedOrOk(status)) {
    std::fprintf(stderr, "not an error that a model may cause: %s\n",
                 quantd::FormatStatus(status).c_str());
    std::abort();
  }
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned int seed) {
  return quantd::testing::MutateModel(data, size, size_max, seed, &LLVMFuzzerMutate);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                 size_t size2, uint8_t* out, size_t size_max, unsigned int seed) {
  return quantd::testing::CrossModels({reinterpret_cast<const char*>(data1), size1},
                                      {reinterpret_cast<const char*>(data2), size2}, out, size_max,
                                      seed);
}

}  // extern "C"
