# Language level, warnings, sanitizers, compiler cache and linker.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# -O2 throughout: the hot loops live in oneDNN and in the kernels, and -O3 costs compile time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

add_library(quantd_warnings INTERFACE)
target_compile_options(quantd_warnings INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers)
# Floating-point contraction would make one source give different bits per instruction set.
add_compile_options(-ffp-contract=off)

# Linked into every program: what the sanitizers must be told, so that nobody need set a variable.
add_library(quantd_sanitizer_defaults INTERFACE)
if(QUANTD_SANITIZE)
  target_sources(quantd_sanitizer_defaults INTERFACE ${CMAKE_CURRENT_LIST_DIR}/sanitizer_defaults.cc)
  add_compile_options(-fsanitize=${QUANTD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${QUANTD_SANITIZE})
endif()
if(QUANTD_FUZZ)
  # Counts the branches that an input takes; the program that libFuzzer drives links the rest of it.
  # Some warnings are switched off by names that only GCC knows.
  add_compile_options(-fsanitize=fuzzer-no-link -Wno-unknown-warning-option)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
