// A command of quantctl as data, and what it gets to work with.
#pragma once

#include <functional>
#include <ostream>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/flags.h"
#include "client/lib/client.h"
#include "common/clock.h"

namespace quantd {

enum class OutputFormat { kTable, kJson };

// The process around the commands, as an interface to real terminals or to a test's strings.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::function<std::string(const std::string&)> variable;  // Of the environment; "" when unset.
  std::stop_token interrupted;                              // Requested by Ctrl-C.
  const Clock* clock = nullptr;
};

// One call of one command. Everything is borrowed for its duration.
struct Invocation {
  const ParsedFlags& flags;
  Environment& env;
  Client& client;
  std::string server;
  std::string tenant;
  OutputFormat output = OutputFormat::kTable;
  RetryPolicy retry;
  Sleeper* sleeper = nullptr;
  const Connection* connection = nullptr;

  bool json() const { return output == OutputFormat::kJson; }
  std::string parent() const { return "tenants/" + tenant; }
  // A job as the user names it, in full or by its last part, as a resource name.
  std::string JobName(const std::string& job) const {
    return job.find('/') != std::string::npos ? job : parent() + "/jobs/" + job;
  }
};

struct Command {
  std::string name;
  int position = 0;       // In the list of commands: the usual order of use.
  std::string summary;    // One line.
  std::string arguments;  // "JOB..."; empty: takes none.
  size_t arguments_min = 0;
  size_t arguments_max = 0;
  std::string description;  // Paragraphs, separated by empty lines; lines that begin with a space
                            // are kept as they are.
  std::vector<FlagSpec> flags;
  std::vector<std::string> examples;
  // The exit code, or the error to print.
  absl::StatusOr<int> (*run)(Invocation&) = nullptr;
  // Of a command that does several things: the help of the one that the arguments name, "" when
  // they name none.
  std::string (*action_help)(const std::vector<std::string>& arguments) = nullptr;
};

// Runs quantctl: `words` are the command line without the program's name. Returns the exit code.
int RunQuantctl(std::span<const Command* const> commands, const std::vector<std::string>& words,
                Environment& env);

}  // namespace quantd
