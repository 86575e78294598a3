// Identifiers of jobs and artifacts: 26 characters of lower-case Crockford base 32, 48 bits of time
// before 80 random ones (the layout of a ULID). They sort by age and cannot be guessed.
#pragma once

#include <functional>
#include <string>

#include "common/clock.h"

namespace quantd {

class IdSource {
 public:
  virtual ~IdSource() = default;
  // Thread-safe.
  virtual std::string Next() = 0;
};

class UlidSource final : public IdSource {
 public:
  // `clock` is borrowed.
  explicit UlidSource(const Clock* clock) : clock_(clock) {}
  std::string Next() override;

 private:
  const Clock* clock_;
};

// The text of an identifier. `random` is the 80 lowest bits.
std::string FormatUlid(absl::Time time, unsigned __int128 random);

}  // namespace quantd
