// Which operations go wrong, and how: one plan is shared by everything that a test breaks, counts
// what is asked of it, and says afterwards what it did. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/random.h"

namespace quantd::testing {

enum class Fault {
  kNone,
  kIoError,        // EIO. Of a sync: what was to be made durable may be lost silently, for good.
  kDiskFull,       // ENOSPC.
  kQuotaExceeded,  // EDQUOT.
  kShortWrite,     // A part is written.
  kLostSync,       // The sync says OK and does nothing.
  kCrashBefore,    // The machine stops before the operation ...
  kCrashAfter,     // ... or after it, and the caller never hears.
  kErrorAfter,     // Carried out but for the last step, which undoes everything: refused at commit.
  kUnknownOutcome,  // Carried out, but the caller is told of an error.
};

absl::string_view ToText(Fault fault);

struct FaultRule {
  Fault fault = Fault::kIoError;
  int64_t from = 0;       // Of the operations of this kind since the rule was made, from 0.
  int64_t count = 1;      // How many of them.
  std::string operation;  // "sync", ...; empty: every one that changes something.
};

inline constexpr int64_t kForEver = int64_t{1} << 62;
// The one kind of operation that changes nothing.
inline constexpr char kReadOperation[] = "read";

class FaultPlan {
 public:
  explicit FaultPlan(uint64_t seed = 0) : random_(seed) {}

  void Add(const FaultRule& rule);
  // The faults are gone; counts and log stay.
  void Heal();

  // Counts an operation and says what becomes of it. `target` is for the log.
  Fault Next(absl::string_view operation, absl::string_view target = "");

  // Operations that change something, so far.
  int64_t changes() const;
  // What went wrong so far, such as "sync of /wal (operation 17): lost sync", joined by "; ".
  std::string Log() const;

  // A seeded choice below n. REQUIRES: n > 0.
  uint64_t Choose(uint64_t n);

 private:
  struct Active {
    FaultRule rule;
    int64_t seen = 0;
  };

  mutable std::mutex mutex_;
  Random random_;
  std::vector<Active> active_;
  int64_t changes_ = 0;
  std::vector<std::string> log_;
};

}  // namespace quantd::testing
