// Small files that a test writes, gone when it ends.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>

#include "common/check.h"
#include "common/file.h"
#include "worker/graph/graph.h"

namespace quantd::testing {

class TestFiles {
 public:
  TestFiles() : folder_(MakeTemporaryFolder("quantd-data").value()) {}
  ~TestFiles() { (void)RemoveAll(folder_); }
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;

  // Adds `content` to the manifest under `name`; the path has nothing to do with the name.
  TestFiles& Add(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + std::to_string(manifest_.size());
    QUANTD_CHECK(WriteFileAtomically(path, content).ok());
    manifest_[name] = path;
    return *this;
  }
  TestFiles& AddPath(const std::string& name, const std::string& path) {
    manifest_[name] = path;
    return *this;
  }
  const std::map<std::string, std::string>& manifest() const { return manifest_; }

 private:
  const std::string folder_;
  std::map<std::string, std::string> manifest_;
};

inline std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

inline std::string TestData(const std::string& name) {
  return ReadFile(std::string(QUANTD_TEST_DATA) + "/" + name, 1 << 20).value();
}

// A model input; -1 is a symbolic extent.
inline ValueInfo Input(const std::string& name, DataType dtype, const Shape& shape) {
  ValueInfo input{name, dtype, true, {}};
  for (const int64_t extent : shape) input.shape.push_back({extent, extent < 0 ? "N" : ""});
  return input;
}

// .npy version 1.0 with this dictionary, padded as NumPy does.
inline std::string Npy(const std::string& dictionary, const std::string& data) {
  std::string header = dictionary;
  while ((10 + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy.push_back(static_cast<char>(header.size() & 255));
  npy.push_back(static_cast<char>(header.size() >> 8));
  return npy + header + data;
}

// The bytes of numbers as they lie in memory (little-endian).
template <typename T>
std::string Raw(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

}  // namespace quantd::testing
