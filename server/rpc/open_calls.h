// Calls in progress. No tenant has so many that none are left for the others, and their callers are
// recognized again from time to time: a token that is revoked, replaced or expired ends the streams
// and long polls that it began, too.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/repeating_thread.h"

namespace quantd {

// Whose calls at once are counted together: a tenant's, or, apart from them, its workers'.
struct CallGroup {
  std::string tenant;  // Empty: nobody's.
  bool workers = false;

  friend auto operator<=>(const CallGroup&, const CallGroup&) = default;
};

// One thread for all calls. Thread-safe.
class OpenCalls {
  struct Entry {
    std::string secret;
    CallGroup group;
    absl::Time recognized;
    std::function<void(const absl::Status&)> cut_off;
    absl::Status end;  // Not OK: why the call was cut off.
  };

 public:
  struct Options {
    // A call that is open for so long since its caller was recognized is looked at again.
    absl::Duration review_after = absl::Seconds(5);
    absl::Duration look_every = absl::Seconds(1);  // In real time.
    int group_calls_max = 170;                     // At once.
  };
  // Whether `secret` is still somebody's. Called without a lock, once a look for all calls that
  // have it.
  using Recognize = std::function<absl::Status(const std::string& secret)>;

  // `clock` is borrowed.
  OpenCalls(const Clock* clock, const Options& options, Recognize recognize);

  // A call that is open until this is destroyed.
  class Call {
   public:
    Call(OpenCalls* calls, std::list<Entry>::iterator entry) : calls_(calls), entry_(entry) {}
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // OK while the call goes on as far as this is concerned; else what it was cut off with.
    absl::Status end() const;

   private:
    OpenCalls* const calls_;
    const std::list<Entry>::iterator entry_;
  };

  // Who makes a call.
  struct Owner {
    std::string secret;
    absl::Time recognized;  // When that was somebody's.
    CallGroup group;
  };

  // `cut_off` ends the call; it is called at most once, from another thread, and must not block.
  // RESOURCE_EXHAUSTED, reason TOO_MANY_CALLS: the group has as many calls as it may.
  absl::StatusOr<std::unique_ptr<Call>> Begin(const Owner& owner,
                                              std::function<void(const absl::Status&)> cut_off);

 private:
  void Review();

  const Clock* const clock_;
  const Options options_;
  const Recognize recognize_;
  std::mutex mutex_;
  std::list<Entry> entries_;        // Guarded by mutex_, as is what follows.
  std::map<CallGroup, int> calls_;  // Of those that have any.
  RepeatingThread thread_;
};

}  // namespace quantd
