#include "proto/wire/grpc_log.h"

#include <grpc/support/log.h>

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/log.h"

namespace quantd {
namespace {

constexpr int kPerSecondMax = 10;

// How many messages there were in this second. A singleton, since gRPC's function takes nothing
// along.
class Second {
 public:
  // Whether one more may be written, and then how many before it were not.
  bool Take(int64_t& left_out) {
    const std::lock_guard lock(mutex_);
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    if (now != second_) {
      second_ = now;
      taken_ = 0;
    }
    if (++taken_ > kPerSecondMax) {
      ++left_out_;
      return false;
    }
    left_out = left_out_;
    left_out_ = 0;
    return true;
  }

 private:
  std::mutex mutex_;
  int64_t second_ = 0;
  int taken_ = 0;
  int64_t left_out_ = 0;
};

void ToLog(gpr_log_func_args* message) {
  static Second second;
  int64_t left_out = 0;
  if (!second.Take(left_out)) return;
  const std::string text = left_out == 0 ? std::string(message->message)
                                         : absl::StrCat(message->message, " (", left_out,
                                                        " messages before are left out)");
  LOG_WARNING("gRPC has a message", {{"text", text}});
}

void Drop(gpr_log_func_args*) {}

}  // namespace

void SendGrpcMessagesToLog() { gpr_set_log_function(ToLog); }

void SilenceGrpcMessages() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function(Drop);
}

}  // namespace quantd
