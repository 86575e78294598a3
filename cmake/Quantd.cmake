# quantd_library(<name> FOLDER <folder> [LINK <targets>...])
#
# A static library quantd::<name> from every .cc directly in <folder> (relative to the top level),
# except main.cc; an interface library when the folder holds headers only.
function(quantd_library name)
  cmake_parse_arguments(ARG "" "FOLDER" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    add_library(quantd_${name} INTERFACE)
    add_library(quantd::${name} ALIAS quantd_${name})
    target_include_directories(quantd_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(quantd_${name} INTERFACE ${ARG_LINK})
    return()
  endif()
  add_library(quantd_${name} STATIC ${sources})
  add_library(quantd::${name} ALIAS quantd_${name})
  target_include_directories(quantd_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(quantd_${name} PUBLIC ${ARG_LINK} PRIVATE quantd_warnings)
endfunction()

# quantd_binary(<name> FOLDER <folder> [LINK <targets>...]): build/bin/<name> from <folder>/main.cc.
function(quantd_binary name)
  cmake_parse_arguments(ARG "" "FOLDER" "LINK" ${ARGN})
  add_executable(${name} ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/main.cc)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} quantd_warnings quantd_sanitizer_defaults)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# quantd_tests(<name> FOLDER <folder> [LINK <targets>...] [LABELS <labels>...] [TIMEOUT <seconds>] [GRPC])
#
# One test program from every *_test.cc directly in <folder>, each test case known to ctest by name.
# Files there that are not *_test.cc (fixtures, builders) are compiled in too. GRPC says that it opens
# gRPC channels or servers; a build with the thread sanitizer then leaves it out (top-level CMakeLists.txt).
function(quantd_tests name)
  cmake_parse_arguments(ARG "GRPC" "FOLDER;TIMEOUT" "LINK;LABELS" ${ARGN})
  if(ARG_GRPC AND NOT QUANTD_RUN_GRPC)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/*.cc)
  add_executable(${name}_tests ${sources})
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_tests PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main
                                              quantd_warnings quantd_sanitizer_defaults)
  target_compile_definitions(${name}_tests PRIVATE
    QUANTD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" QUANTD_BIN_DIR="${CMAKE_BINARY_DIR}/bin"
    QUANTD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name}_tests DISCOVERY_MODE PRE_TEST TEST_PREFIX ${name}.
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# quantd_registry(<library> FOLDER <folder> TYPE <InfoType> NAMESPACE <ns>)
#
# Generates, into <library>, the function `std::span<const <InfoType>* const> <ns>::All()` that lists
# `<ns>::<stem>::Info()` of every .cc in <folder>, sorted by file name. A file whose Info() is missing
# or misnamed fails to link. <folder> must hold a header `registry.h` that declares All().
function(quantd_registry library)
  cmake_parse_arguments(ARG "" "FOLDER;TYPE;NAMESPACE" "" ${ARGN})
  file(GLOB sources RELATIVE ${PROJECT_SOURCE_DIR}/${ARG_FOLDER} CONFIGURE_DEPENDS
       ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/*.cc)
  list(SORT sources)
  set(declarations "")
  set(entries "")
  foreach(source IN LISTS sources)
    get_filename_component(stem ${source} NAME_WE)
    string(APPEND declarations "namespace ${ARG_NAMESPACE}::${stem} { const ${ARG_TYPE}& Info(); }\n")
    string(APPEND entries "      &${stem}::Info(),\n")
  endforeach()
  set(QUANTD_REGISTRY_INCLUDE ${ARG_FOLDER}/registry.h)
  set(QUANTD_REGISTRY_NAMESPACE ${ARG_NAMESPACE})
  set(QUANTD_REGISTRY_TYPE ${ARG_TYPE})
  set(QUANTD_REGISTRY_DECLARATIONS ${declarations})
  set(QUANTD_REGISTRY_ENTRIES ${entries})
  set(output ${CMAKE_BINARY_DIR}/registry/${ARG_FOLDER}/registry.cc)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/registry.cc.in ${output} @ONLY)
  target_sources(quantd_${library} PRIVATE ${output})
  target_include_directories(quantd_${library} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()
