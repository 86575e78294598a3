#include "tests/crash_points/job_store/store_run.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "server/store/memory/memory_job_store.h"
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/crash_points/job_store/store_scenario.h"
#include "tests/support/faults/faulty_sqlite_vfs.h"
#include "tests/support/faults/simulated_disk.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {
namespace {

// A machine: its disk, and the folder where the store keeps the lock that is not SQLite's.
struct Machine {
  explicit Machine(DiskImage image = DiskImage()) : disk(&plan, std::move(image)), vfs(&disk) {}

  std::string Path() const { return folder.path() + "/quantd.db"; }
  absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open() {
    return SqliteJobStore::Open(Path(), {.vfs = vfs.name()});
  }

  TemporaryFolder folder;
  FaultPlan plan;
  SimulatedDisk disk;
  FaultySqliteVfs vfs;
};

bool IsTyped(const absl::Status& error) {
  const std::string reason = GetErrorDetails(error).reason;
  return reason == "DISK_FULL" || reason == "STORE_FAILED";
}

// One server's life: opens, runs `half`, closes. The store's errors go through `opened` first.
class ScenarioRun {
 public:
  explicit ScenarioRun(const std::vector<FaultRule>& rules) {
    for (const FaultRule& rule : rules) machine_.plan.Add(rule);
  }

  // Makes every error end the faults and be tried again.
  void GoOnAfterErrors() {
    goes_on_ = true;
    scenario_.set_on_error([this](const absl::Status& error) {
      machine_.plan.Heal();
      if (!IsTyped(error)) absl::StrAppend(&problem_, "untyped: ", FormatStatus(error), "; ");
      CheckContent();
      return problem_.empty();
    });
  }

  StoreRun Run() {
    StoreRun run;
    run.status = RunHalf([this] { return scenario_.RunFirstHalf(); });
    if (run.status.ok()) run.status = RunHalf([this] { return scenario_.RunSecondHalf(); });
    run.disk = machine_.disk.image();
    run.acknowledged = scenario_.store().acknowledged();
    run.last_token = scenario_.last_token();
    run.changes = machine_.plan.changes();
    run.log = machine_.plan.Log();
    return run;
  }

  const std::string& problem() const { return problem_; }

 private:
  absl::Status RunHalf(const std::function<absl::Status()>& half) {
    auto store = machine_.Open();
    if (!store.ok() && goes_on_) {
      machine_.plan.Heal();
      if (!IsTyped(store.status())) {
        absl::StrAppend(&problem_, "untyped: ", FormatStatus(store.status()), "; ");
      }
      store = machine_.Open();
    }
    if (!store.ok()) return store.status();
    store_ = store->get();
    scenario_.store().set_store(store_);
    return half();
  }

  // Nothing of what was refused may be there.
  void CheckContent() {
    const auto content = ReadContent(*store_, StoreScenario::Tenants());
    if (!content.ok()) {
      absl::StrAppend(&problem_, "cannot be read: ", FormatStatus(content.status()), "; ");
      return;
    }
    const size_t acknowledged = scenario_.store().acknowledged();
    absl::StrAppend(&problem_, Difference(*content, ExpectedContents()[acknowledged]));
  }

  Machine machine_;
  StoreScenario scenario_;
  SqliteJobStore* store_ = nullptr;
  bool goes_on_ = false;
  std::string problem_;
};

std::string QuickCheck(Machine& machine) {
  auto database = Database::Open(machine.Path(), machine.vfs.name());
  if (!database.ok()) return FormatStatus(database.status());
  absl::StatusOr<Statement> check = (*database)->Prepare("PRAGMA integrity_check");
  if (!check.ok()) return FormatStatus(check.status());
  const absl::StatusOr<bool> row = check->Step();
  if (!row.ok()) return FormatStatus(row.status());
  return check->Text(0) == "ok" ? "" : check->Text(0);
}

}  // namespace

StoreRun RunUntilError(const std::vector<FaultRule>& rules) { return ScenarioRun(rules).Run(); }

StoreRun RunThroughErrors(const std::vector<FaultRule>& rules, std::string& problem) {
  ScenarioRun run(rules);
  run.GoOnAfterErrors();
  StoreRun result = run.Run();
  problem = run.problem();
  return result;
}

const std::vector<StoreContent>& ExpectedContents() {
  static const auto* contents = [] {
    MemoryJobStore store;
    StoreScenario scenario;
    auto* list = new std::vector<StoreContent>;
    const auto record = [&] {
      absl::StatusOr<StoreContent> content = ReadContent(store, StoreScenario::Tenants());
      QUANTD_CHECK(content.ok());
      list->push_back(*std::move(content));
    };
    record();
    scenario.store().set_store(&store);
    scenario.store().set_on_commit(record);
    QUANTD_CHECK(scenario.RunFirstHalf().ok() && scenario.RunSecondHalf().ok());
    return list;
  }();
  return *contents;
}

std::string CheckRecovery(const StoreRun& run, uint64_t seed) {
  Machine machine(run.disk);
  machine.disk.Restart(seed);
  auto store = machine.Open();
  if (!store.ok()) return absl::StrCat("does not open: ", FormatStatus(store.status()));
  const auto content = ReadContent(**store, StoreScenario::Tenants());
  if (!content.ok()) return absl::StrCat("cannot be read: ", FormatStatus(content.status()));

  const std::vector<StoreContent>& expected = ExpectedContents();
  const std::string before = Difference(*content, expected[run.acknowledged]);
  // The transaction that was under way may have happened.
  const bool was_last = run.acknowledged + 1 == expected.size();
  if (!before.empty() && (was_last || !(*content == expected[run.acknowledged + 1]))) {
    return absl::StrCat("not as after ", run.acknowledged, " transactions or one more: ", before);
  }
  std::string problem = BrokenInvariants(*content);

  StoreScenario scenario;
  scenario.store().set_store(store->get());
  const absl::Status more = scenario.RunOneMoreJob(run.last_token);
  if (!more.ok()) absl::StrAppend(&problem, "cannot go on: ", FormatStatus(more), "\n");
  store->reset();
  absl::StrAppend(&problem, QuickCheck(machine));
  return problem;
}

}  // namespace quantd::testing
