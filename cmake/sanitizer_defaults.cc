// What the sanitizers must know, linked into every program of a build with QUANTD_SANITIZE: it then holds in tests, in
// the processes that tests start, and by hand, without a variable to set. ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS and
// TSAN_OPTIONS still override it. The runtimes look these names up.
//
// A suppression is for a finding inside a library that is not ours, and its comment says whose and why it is harmless.

extern "C" {

const char* __asan_default_options() {
  return "detect_stack_use_after_return=1:"
         "strict_string_checks=1:"
         "check_initialization_order=1:"
         "strict_init_order=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __tsan_default_options() { return "second_deadlock_stack=1"; }

const char* __tsan_default_suppressions() {
  return
      // Abseil keeps the texts of errno in a static table, initialized once. The guard of that lies in a library that is
      // not instrumented, so its readers look unordered.
      "race:libabsl_strerror.so\n";
}

// Tests read the standard error of programs: nothing is printed there unless something is wrong.
const char* __lsan_default_options() { return "print_suppressions=0"; }

const char* __lsan_default_suppressions() {
  return
      // c-ares, with which gRPC looks up host names: a few bytes once a process, seen with `quantctl --server localhost:1`.
      "leak:libcares\n";
}

}  // extern "C"
