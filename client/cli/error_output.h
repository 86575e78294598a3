// Errors as people and as programs want to read them.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "client/cli/command.h"

namespace quantd {

// For people: "error: message [REASON]", one line per field at fault, and what to do when that is
// known. As JSON, one object on one line: {"code": "INVALID_ARGUMENT", "reason": ..., "message":
// ..., "violations": [{"field", "description"}]}.
void PrintError(const absl::Status& status, OutputFormat output, const std::string& server,
                std::ostream& err);

// The part for people that says what is wrong: "message [REASON]" and the fields at fault, each
// once.
void PrintProblems(const absl::Status& status, std::ostream& out);

}  // namespace quantd
