#include "server/core/tenant_registry.h"

#include "server/store/memory/memory_job_store.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::IsOkAndHolds;

class TenantRegistryTest : public ::testing::Test {
 protected:
  MemoryJobStore store_;
  TenantRegistry registry_{&store_, {.queued_jobs_max = 100, .calls_per_second = 50}};
};

TEST_F(TenantRegistryTest, ATenantHasTheDefaultsWhereNothingIsSet) {
  EXPECT_THAT(registry_.Limits("t"),
              IsOkAndHolds(TenantLimits{.queued_jobs_max = 100, .calls_per_second = 50}));
  ASSERT_OK(registry_.Set("t", {.queued_jobs_max = 0, .running_jobs_max = 2}, 3).status());
  EXPECT_THAT(registry_.Limits("t"),
              IsOkAndHolds(TenantLimits{
                  .queued_jobs_max = 0, .running_jobs_max = 2, .calls_per_second = 50}));
  EXPECT_THAT(registry_.Limits("u"),
              IsOkAndHolds(TenantLimits{.queued_jobs_max = 100, .calls_per_second = 50}));
}

TEST_F(TenantRegistryTest, SettingReplacesWhatWasSetAndKeepsWhoWasServedLast) {
  ASSERT_OK(store_.Write([](Transaction& t) {
    return t.tenants().Put({.name = "t", .limits = {.queued_jobs_max = 5}, .last_lease = 9});
  }));
  EXPECT_THAT(
      registry_.Set("t", {.running_jobs_max = 1}, 2),
      IsOkAndHolds(Tenant{
          .name = "t", .limits = {.running_jobs_max = 1}, .weight = 2, .last_lease = 9}));
  EXPECT_THAT(registry_.Get("t"),
              IsOkAndHolds(Tenant{
                  .name = "t", .limits = {.running_jobs_max = 1}, .weight = 2, .last_lease = 9}));
}

TEST_F(TenantRegistryTest, TheSwitchIsKeptInTheStore) {
  ASSERT_OK(registry_.SetPaused(true));
  EXPECT_THAT(TenantRegistry(&store_, {}).Paused(), IsOkAndHolds(true));
}

}  // namespace
}  // namespace quantd
