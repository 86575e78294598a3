// What `quantctl admin` can do, one action after the other.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"

namespace quantd::admin {

struct Action {
  std::string words;      // "token create": the first arguments of the command.
  std::string arguments;  // "NAME"; empty: takes none.
  size_t arguments_min = 0;
  size_t arguments_max = 0;
  std::string summary;
  std::vector<std::string> flags;  // Of the command's flags, those that it reads.
  // `arguments` are those behind the words.
  absl::StatusOr<int> (*run)(Invocation&, const std::vector<std::string>& arguments) = nullptr;
};

std::span<const Action> TokenActions();
std::span<const Action> TenantActions();
std::span<const Action> ServerActions();

// "2026-11-24 10:00:00 UTC", or "-" when it is not set.
std::string TimeOrDash(bool set, const google::protobuf::Timestamp& time);

// A number of bytes as quotas are written: 10GiB, 1500.
absl::StatusOr<int64_t> ParseBytes(const std::string& flag, const std::string& text);

// "90s", "12h", "30d".
absl::StatusOr<absl::Duration> ParseLongDuration(const std::string& flag, const std::string& text);

}  // namespace quantd::admin
