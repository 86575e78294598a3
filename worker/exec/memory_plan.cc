#include "worker/exec/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace quantd {

MemoryPlan PlanMemory(const std::vector<MemoryUse>& uses) {
  MemoryPlan plan;
  std::vector<size_t> order;
  for (size_t i = 0; i < uses.size(); ++i) {
    const size_t units = (uses[i].bytes + kMemoryAlignment - 1) / kMemoryAlignment;
    plan.sizes.push_back(std::max<size_t>(units, 1) * kMemoryAlignment);
    if (uses[i].dead) order.push_back(i);
  }
  plan.offsets.assign(uses.size(), MemoryPlan::kNoOffset);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return plan.sizes[a] > plan.sizes[b]; });

  std::vector<size_t> placed;  // By offset.
  for (const size_t i : order) {
    size_t offset = 0;
    for (const size_t other : placed) {
      const bool together = uses[i].born < *uses[other].dead && uses[other].born < *uses[i].dead;
      if (!together) continue;
      if (plan.offsets[other] >= offset + plan.sizes[i]) break;
      offset = std::max(offset, plan.offsets[other] + plan.sizes[other]);
    }
    plan.offsets[i] = offset;
    plan.block_bytes = std::max(plan.block_bytes, offset + plan.sizes[i]);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

}  // namespace quantd
