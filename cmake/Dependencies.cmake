# Third-party libraries, all from the distribution's packages (deploy/install-deps.sh).

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
if(QUANTD_SANITIZE MATCHES "thread")
  target_compile_options(protobuf::libprotobuf INTERFACE
                         "SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/protobuf_under_tsan.h")
endif()
find_package(absl CONFIG REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core pull)
find_package(dnnl CONFIG REQUIRED)
if(QUANTD_FUZZ)
  # oneDNN brings GCC's OpenMP runtime along; a second one in the same process would have threads of its own.
  set(OpenMP_CXX_FLAGS -fopenmp=libgomp)
  set(OpenMP_C_FLAGS -fopenmp=libgomp)
  set(OpenMP_CXX_LIB_NAMES gomp)
  set(OpenMP_C_LIB_NAMES gomp)
  find_library(OpenMP_gomp_LIBRARY NAMES gomp libgomp.so.1 REQUIRED)
endif()
find_package(OpenMP REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)  # It has no CMake package.

# The ONNX schema's generated messages. The CMake package of ONNX would bring all of ONNX along.
find_path(ONNX_INCLUDE_DIR onnx/onnx-ml.pb.h REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(quantd_onnx_proto INTERFACE)
add_library(quantd::onnx_proto ALIAS quantd_onnx_proto)
target_include_directories(quantd_onnx_proto SYSTEM INTERFACE ${ONNX_INCLUDE_DIR})
target_compile_definitions(quantd_onnx_proto INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(quantd_onnx_proto INTERFACE ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)
