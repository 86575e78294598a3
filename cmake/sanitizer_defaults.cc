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

const char* __lsan_default_suppressions() {
  return
      // gRPC's DNS resolver: c-ares keeps what ares_library_init() allocated until the process ends.
      "leak:libcares\n";
}

}  // extern "C"
