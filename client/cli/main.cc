// quantctl: the command line of quantd.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "proto/wire/grpc_log.h"

namespace {

// Ctrl-C becomes a stop request; a second one ends the process at once. The signal is waited for
// rather than handled, so that the reaction may use anything.
void WaitForInterrupt(const sigset_t signals, std::stop_source stop) {
  int signal = 0;
  sigwait(&signals, &signal);
  const auto first = std::chrono::steady_clock::now();
  stop.request_stop();
  // Some senders signal the process and its group: one wish, told twice.
  do {
    sigwait(&signals, &signal);
  } while (std::chrono::steady_clock::now() - first < std::chrono::seconds(1));
  std::_Exit(quantd::kExitInterrupted);
}

std::string Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

}  // namespace

int main(int argc, char** argv) {
  quantd::SilenceGrpcMessages();
  std::signal(SIGPIPE, SIG_IGN);  // A closed pipe is an error of a stream, not an end.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // Before any thread: all inherit it.
  std::stop_source stop;
  std::thread(WaitForInterrupt, signals, stop).detach();

  const quantd::SystemClock clock;
  quantd::Environment env = {.out = std::cout,
                             .err = std::cerr,
                             .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                             .err_is_terminal = isatty(STDERR_FILENO) == 1,
                             .variable = Variable,
                             .interrupted = stop.get_token(),
                             .clock = &clock};
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const int code = quantd::RunQuantctl(quantd::commands::All(), words, env);
  std::cout.flush();
  return code;
}
