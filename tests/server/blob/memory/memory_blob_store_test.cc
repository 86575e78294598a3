#include "server/blob/memory/memory_blob_store.h"

#include "tests/conformance/blob_store_conformance.h"

namespace quantd::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, BlobStoreConformance,
                         ::testing::Values(BlobStoreFactory{
                             "memory", [](const std::string&, const Clock* clock) {
                               return std::make_unique<MemoryBlobStores>(clock);
                             }}));

}  // namespace
}  // namespace quantd::testing
