// Messages of the API written by hand, in YAML or JSON (which YAML includes).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace quantd {

// Fills `message` from a file of at most 4 MiB. Field names are the API's (snake_case or
// lowerCamelCase). Beyond the protobuf JSON mapping, short forms are understood where they cannot
// be mistaken:
//   Component       range: mse                       for  range: {id: mse}
//   ParameterValue  parameters: {p: 0.999}   for  parameters: {p: {number: 0.999}}
//   Fraction        alpha: 1/20                      for  alpha: {numerator: 1, denominator: 20}
//   Gate            - top1_agreement.lower >= 0.98   for  - {metric: top1_agreement, ...}
//   Duration        run_timeout: 90s
//
// Errors: INVALID_ARGUMENT, reason INVALID_FILE, that name file, line, column and the path of the
// field.
absl::Status ReadMessageFile(const std::string& path, google::protobuf::Message* message);

// The same from text; `source` is the name for errors.
absl::Status ParseMessage(absl::string_view text, const std::string& source,
                          google::protobuf::Message* message);

}  // namespace quantd
