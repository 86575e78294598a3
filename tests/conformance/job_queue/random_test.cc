// Long random walks. Each seed is a test of its own, so that they run beside each other.
#include "tests/conformance/job_queue/random_walk.h"

namespace quantd::testing {
namespace {

// Together 100,000 on every store.
constexpr int kOperations = 25'000;

TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithSeed1) { Run(1, kOperations); }
TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithSeed7) { Run(7, kOperations); }
TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithSeed42) { Run(42, kOperations); }
TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithSeed2026) { Run(2026, kOperations); }

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueRandom, ::testing::ValuesIn(JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd::testing
