#include "server/store/memory/memory_job_store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "server/core/errors.h"
#include "server/store/memory/memory_jobs.h"
#include "server/store/memory/memory_state.h"
#include "server/store/memory/undo_log.h"

namespace quantd {
namespace {

class MemoryEventTable final : public EventTable {
 public:
  MemoryEventTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::Status Append(int64_t job_key, const std::vector<JobEvent>& events) override {
    QUANTD_CHECK(undo_ != nullptr);
    for (const JobEvent& event : events) {
      undo_->BeforeChange(state_.events, {job_key, event.sequence});
      state_.events[{job_key, event.sequence}] = event;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<JobEvent>> Read(int64_t job_key, int64_t after, int limit) override {
    std::vector<JobEvent> events;
    for (auto it = state_.events.upper_bound({job_key, after});
         it != state_.events.end() && it->first.first == job_key; ++it) {
      if (static_cast<int>(events.size()) >= limit) break;
      events.push_back(it->second);
    }
    return events;
  }

 private:
  MemoryState& state_;
  UndoLog* undo_;
};

class MemoryArtifactTable final : public ArtifactTable {
 public:
  MemoryArtifactTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::Status Insert(const Artifact& artifact) override {
    QUANTD_CHECK(undo_ != nullptr);
    if (state_.artifact_keys.contains(artifact.name)) {
      return absl::AlreadyExistsError(absl::StrCat(artifact.name.ToString(), " exists already"));
    }
    undo_->BeforeChangeOf(state_.last_artifact_key);
    Artifact stored = artifact;
    stored.key = ++state_.last_artifact_key;
    undo_->BeforeChange(state_.artifacts, stored.key);
    undo_->BeforeChange(state_.artifact_keys, artifact.name);
    state_.artifact_keys[artifact.name] = stored.key;
    state_.artifacts[stored.key] = std::move(stored);
    return absl::OkStatus();
  }

  absl::StatusOr<Artifact> Get(const ArtifactName& name) override {
    const auto found = state_.artifact_keys.find(name);
    if (found == state_.artifact_keys.end()) return errors::ArtifactNotFound(name);
    return state_.artifacts.at(found->second);
  }

  absl::StatusOr<std::vector<Artifact>> List(const std::string& tenant,
                                             std::optional<int64_t> before_key,
                                             int limit) override {
    std::vector<Artifact> artifacts;
    for (auto it = state_.artifacts.rbegin(); it != state_.artifacts.rend(); ++it) {
      const auto& [key, artifact] = *it;
      if (static_cast<int>(artifacts.size()) >= limit) break;
      if (artifact.name.tenant != tenant || (before_key && key >= *before_key)) continue;
      artifacts.push_back(artifact);
    }
    return artifacts;
  }

  absl::StatusOr<std::vector<std::string>> Tenants() override {
    std::set<std::string> tenants;
    for (const auto& [key, artifact] : state_.artifacts) tenants.insert(artifact.name.tenant);
    return std::vector<std::string>(tenants.begin(), tenants.end());
  }

  absl::StatusOr<std::vector<Artifact>> UnusedUntil(const std::string& tenant, absl::Time time,
                                                    int limit) override {
    std::set<std::string> used;
    for (const auto& [key, job] : state_.jobs) used.insert(job.artifact);
    std::vector<Artifact> unused;
    for (const auto& [key, artifact] : state_.artifacts) {
      if (static_cast<int>(unused.size()) >= limit) break;
      if (artifact.name.tenant == tenant && artifact.create_time <= time &&
          !used.contains(artifact.name.ToString())) {
        unused.push_back(artifact);
      }
    }
    return unused;
  }

  absl::Status Delete(const ArtifactName& name) override {
    QUANTD_CHECK(undo_ != nullptr);
    const auto found = state_.artifact_keys.find(name);
    if (found == state_.artifact_keys.end()) return errors::ArtifactNotFound(name);
    const int64_t key = found->second;
    undo_->BeforeChange(state_.artifacts, key);
    undo_->BeforeChange(state_.artifact_keys, name);
    state_.artifacts.erase(key);
    state_.artifact_keys.erase(found);
    return absl::OkStatus();
  }

 private:
  MemoryState& state_;
  UndoLog* undo_;
};

class MemoryCatalogueTable final : public CatalogueTable {
 public:
  MemoryCatalogueTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::Status Put(const WorkerCatalogue& catalogue) override {
    QUANTD_CHECK(undo_ != nullptr);
    const std::pair key(catalogue.tenant, catalogue.digest);
    undo_->BeforeChange(state_.catalogues, key);
    state_.catalogues[key] = catalogue;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<WorkerCatalogue>> All() override {
    return Select([](const WorkerCatalogue&) { return true; });
  }

  absl::StatusOr<std::vector<WorkerCatalogue>> Of(const std::string& tenant) override {
    return Select(
        [&](const WorkerCatalogue& c) { return c.tenant == tenant || c.tenant == kEveryTenant; });
  }

  absl::Status KeepLatest(const std::string& tenant, int count) override {
    QUANTD_CHECK(undo_ != nullptr);
    const std::vector<WorkerCatalogue> own =
        Select([&](const WorkerCatalogue& c) { return c.tenant == tenant; });
    for (size_t i = static_cast<size_t>(count); i < own.size(); ++i) {
      const std::pair key(tenant, own[i].digest);
      undo_->BeforeChange(state_.catalogues, key);
      state_.catalogues.erase(key);
    }
    return absl::OkStatus();
  }

 private:
  // Latest seen first, then by digest.
  template <typename Predicate>
  std::vector<WorkerCatalogue> Select(const Predicate& wanted) const {
    std::vector<WorkerCatalogue> found;
    for (const auto& [key, catalogue] : state_.catalogues) {
      if (wanted(catalogue)) found.push_back(catalogue);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return std::tie(b.last_seen, a.digest) < std::tie(a.last_seen, b.digest);
    });
    return found;
  }

  MemoryState& state_;
  UndoLog* undo_;
};

class MemoryTenantTable final : public TenantTable {
 public:
  MemoryTenantTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::StatusOr<Tenant> Get(const std::string& tenant) override {
    const auto found = state_.tenants.find(tenant);
    return found == state_.tenants.end() ? Tenant{.name = tenant} : found->second;
  }

  absl::Status Put(const Tenant& tenant) override {
    QUANTD_CHECK(undo_ != nullptr);
    undo_->BeforeChange(state_.tenants, tenant.name);
    state_.tenants[tenant.name] = tenant;
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Paused() override { return state_.paused; }

  absl::Status SetPaused(bool paused) override {
    QUANTD_CHECK(undo_ != nullptr);
    undo_->BeforeChangeOf(state_.paused);
    state_.paused = paused;
    return absl::OkStatus();
  }

 private:
  MemoryState& state_;
  UndoLog* undo_;
};

class MemoryTokenTable final : public TokenTable {
 public:
  MemoryTokenTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::Status Insert(const AccessToken& token) override {
    QUANTD_CHECK(undo_ != nullptr);
    if (state_.token_keys.contains(token.name.token)) {
      return absl::AlreadyExistsError(absl::StrCat(token.name.ToString(), " exists already"));
    }
    undo_->BeforeChangeOf(state_.last_token_key);
    AccessToken stored = token;
    stored.key = ++state_.last_token_key;
    undo_->BeforeChange(state_.tokens, stored.key);
    undo_->BeforeChange(state_.token_keys, token.name.token);
    state_.token_keys[token.name.token] = stored.key;
    state_.tokens[stored.key] = std::move(stored);
    return absl::OkStatus();
  }

  absl::StatusOr<AccessToken> Get(const TokenName& name) override {
    const auto found = state_.token_keys.find(name.token);
    if (found == state_.token_keys.end()) return errors::TokenNotFound(name);
    const AccessToken& token = state_.tokens.at(found->second);
    if (token.name != name) return errors::TokenNotFound(name);
    return token;
  }

  absl::StatusOr<std::optional<AccessToken>> Find(const std::string& id) override {
    const auto found = state_.token_keys.find(id);
    if (found == state_.token_keys.end()) return std::nullopt;
    return state_.tokens.at(found->second);
  }

  absl::StatusOr<std::vector<AccessToken>> List(const std::string& tenant,
                                                std::optional<int64_t> before_key,
                                                int limit) override {
    std::vector<AccessToken> tokens;
    for (auto it = state_.tokens.rbegin(); it != state_.tokens.rend(); ++it) {
      const auto& [key, token] = *it;
      if (static_cast<int>(tokens.size()) >= limit) break;
      if (token.name.tenant != tenant || (before_key && key >= *before_key)) continue;
      tokens.push_back(token);
    }
    return tokens;
  }

  absl::Status Update(const AccessToken& token) override {
    QUANTD_CHECK(undo_ != nullptr);
    undo_->BeforeChange(state_.tokens, token.key);
    AccessToken& stored = state_.tokens.at(token.key);
    stored.secret_hash = token.secret_hash;
    stored.old_secret_hash = token.old_secret_hash;
    stored.old_secret_until = token.old_secret_until;
    stored.revoke_time = token.revoke_time;
    stored.rotate_time = token.rotate_time;
    return absl::OkStatus();
  }

 private:
  MemoryState& state_;
  UndoLog* undo_;
};

class MemoryTransaction final : public Transaction {
 public:
  MemoryTransaction(MemoryState* state, UndoLog* undo)
      : jobs_(state, undo),
        events_(state, undo),
        artifacts_(state, undo),
        catalogues_(state, undo),
        tenants_(state, undo),
        tokens_(state, undo) {}

  JobTable& jobs() override { return jobs_; }
  EventTable& events() override { return events_; }
  ArtifactTable& artifacts() override { return artifacts_; }
  CatalogueTable& catalogues() override { return catalogues_; }
  TenantTable& tenants() override { return tenants_; }
  TokenTable& tokens() override { return tokens_; }

 private:
  MemoryJobTable jobs_;
  MemoryEventTable events_;
  MemoryArtifactTable artifacts_;
  MemoryCatalogueTable catalogues_;
  MemoryTenantTable tenants_;
  MemoryTokenTable tokens_;
};

}  // namespace

MemoryJobStore::MemoryJobStore() : state_(std::make_unique<MemoryState>()) {}
MemoryJobStore::~MemoryJobStore() = default;

absl::Status MemoryJobStore::Write(const Body& body) {
  const std::lock_guard lock(mutex_);
  UndoLog undo;
  MemoryTransaction transaction(state_.get(), &undo);
  absl::Status status = body(transaction);
  if (!status.ok()) undo.Rollback();
  return status;
}

absl::Status MemoryJobStore::Read(const Body& body) {
  const std::lock_guard lock(mutex_);
  MemoryTransaction transaction(state_.get(), nullptr);
  return body(transaction);
}

}  // namespace quantd
