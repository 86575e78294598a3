// The tables of the campaign against bad input. A Reader is a format: how a small valid file of it
// looks and how such a file is read. A Row is one thing that can be wrong with a file, and what
// reading it must then say. campaign_test.cc makes a test case of every row of every reader; a
// reader added later writes rows and no test. docs/testing.md says how.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace quantd::hostile {

// What reading may take above what the process has before.
inline constexpr int64_t kMemoryBytesMax = int64_t{256} << 20;
// Of processor time, for all the variants of one row.
inline constexpr int kCpuSecondsMax = 10;

// One bad file.
struct Variant {
  std::string name;   // For a failure's message.
  std::string bytes;  // The file's content, unless `place` is given.
  // Puts something at the path: a pipe, a link, several files, a file too large to keep in memory.
  std::function<void(const std::string& path)> place;
};

// Any reason will do, as long as there is one.
inline constexpr char kAnyReason[] = "*";

struct Row {
  std::string name;  // In CamelCase: the name of the test case.
  std::function<std::vector<Variant>(const std::string& valid)> variants;
  // The reasons that an error may have; none if every variant must be read.
  std::vector<std::string> reasons;
  // A part of the message; names what is wrong or what to do.
  std::string says;
  // Why a variant may be read as well; empty where each must be refused.
  std::string valid_because;
};

struct Reader {
  std::string name;   // "npy"
  std::string file;   // The file's name: readers may go by it.
  std::string valid;  // Of a few kibibytes, so that there is something to cut off.
  // OK, or why the file at `path` is not one. Called as the product calls it: within
  // WithoutExceptions, in a process with a bound on memory.
  std::function<absl::Status(const std::string& path)> read;
  // Begins the field that an error names. It may be several, by '|': a bad value of an array makes
  // the error name the array, a bad file the file.
  std::string field;
  std::vector<Row> rows;
};

// Made once.
const std::vector<Reader>& AllReaders();

// Each in a file of its own.
std::vector<Reader> ArrayReaders();  // .npy, .npz, IDX, TensorProto.
std::vector<Reader> ImageReaders();
std::vector<Reader> LabelReaders();
std::vector<Reader> OnnxReaders();  // Models, and their external data.
std::vector<Reader> TextReaders();  // Recipes and configuration in YAML and JSON.

}  // namespace quantd::hostile
