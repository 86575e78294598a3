// Tables for people, JSON for programs, and the units both are written in.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

namespace quantd {

// Columns as wide as their widest cell, two spaces apart, no trailing spaces.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// The message as protobuf JSON with the API's field names; fields without a value are there too, so
// that programs find a zero where there is one.
absl::Status PrintJson(const google::protobuf::Message& message, std::ostream& out);
// The same on one line.
absl::Status PrintJsonLine(const google::protobuf::Message& message, std::ostream& out);

// "1.5 MiB"
std::string FormatBytes(int64_t bytes);
// "45s", "3m20s", "2h5m", "4d3h": two units at most.
std::string FormatSpan(absl::Duration duration);
// "2024-05-01 12:00:00 UTC"
std::string FormatTime(const google::protobuf::Timestamp& time);

absl::Time ToTime(const google::protobuf::Timestamp& time);
absl::Duration ToDuration(const google::protobuf::Duration& duration);

// The text without control characters, which could rewrite the terminal: names and logs come from
// elsewhere.
std::string Printable(absl::string_view text);
// The same, but keeps line ends.
std::string PrintableLines(absl::string_view text);

}  // namespace quantd
