// Where in one block of memory the tensors of a run lie, so that those that never live at the same time share bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace quantd {

// One request for memory and its life, in steps of a clock that ticks with every request and every return.
struct MemoryUse {
  size_t bytes = 0;
  int64_t born = 0;
  // Empty: the tensor outlives the run, as outputs do, and is no part of the block.
  std::optional<int64_t> dead;
};

struct MemoryPlan {
  static constexpr size_t kNoOffset = SIZE_MAX;

  std::vector<size_t> sizes;    // By request: bytes, rounded up to kMemoryAlignment.
  std::vector<size_t> offsets;  // By request; kNoOffset for what is no part of the block.
  size_t block_bytes = 0;
};

inline constexpr size_t kMemoryAlignment = 64;

// Places the largest use first, each at the lowest gap that is free for all of its life ("greedy by size for offset
// calculation", Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", arXiv:2001.03288).
// Uses whose lives overlap never share a byte. O(n^2) for n uses.
MemoryPlan PlanMemory(const std::vector<MemoryUse>& uses);

}  // namespace quantd
