#include "tests/hostile/external_data_rows.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "tests/hostile/common_rows.h"
#include "tests/worker/io/onnx/model_builder.h"
#include "worker/io/onnx/reader.h"

namespace quantd::hostile {
namespace {

using onnx::TensorProto;
using testing::AddInitializer;
using testing::ReluModel;

constexpr char kWeightsFile[] = "weights.bin";
// Places that no model may name. The reader is given a file for each, so that it is the name that
// is refused and not a file that is missing.
const char* const kForbiddenLocations[] = {"../weights.bin",   "/weights.bin",
                                           "a/../weights.bin", "..",
                                           "..\\weights.bin",  "weights.bin/.."};

onnx::ModelProto ExternalModel(const std::string& location, const std::string& offset,
                               const std::string& length) {
  onnx::ModelProto model = ValidModel();
  TensorProto* w = model.mutable_graph()->mutable_initializer(0);
  w->clear_raw_data();
  w->set_data_location(TensorProto::EXTERNAL);
  const std::pair<std::string, std::string> entries[] = {
      {"location", location}, {"offset", offset}, {"length", length}};
  for (const auto& [key, value] : entries) {
    onnx::StringStringEntryProto* entry = w->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return model;
}

Variant Located(const std::string& location, const std::string& offset, const std::string& length) {
  return {absl::StrCat(location, " at ", offset, " of ", length),
          ExternalModel(location, offset, length).SerializeAsString()};
}

std::vector<Row> LocationRows() {
  std::vector<Variant> places = {
      Located("", "0", "4096"), Located(std::string("weights.bin\0.txt", 16), "0", "4096"),
      Located("/etc/passwd", "0", "4096"), Located("other.bin", "0", "4096"),
      Located("\xff\xfe\x1b[2J", "0", "4096")};
  for (const char* location : kForbiddenLocations) places.push_back(Located(location, "0", "4096"));
  std::vector<Variant> ranges;
  for (const char* offset : {"1", "4096", "4097", "-1", "18446744073709551615",
                             "9223372036854775807", "9223372036854771712", "0x0", "1.5", " "}) {
    ranges.push_back(Located(kWeightsFile, offset, "4096"));
  }
  for (const char* length : {"4095", "8192", "-1", "18446744073709551615", "0", "1e3"}) {
    ranges.push_back(Located(kWeightsFile, "0", length));
  }
  return {
      Several("ExternalLocations", places, {"EXTERNAL_DATA"}, "initializer[w]"),
      Several("ExternalRanges", ranges, {"EXTERNAL_DATA"}, "initializer[w]"),
      {.name = "ExternalDataInsideItsFile",
       .variants = [](const std::string&) -> std::vector<Variant> {
         return {Located(kWeightsFile, "0", "4096")};
       }},
  };
}

// What may stand beside a model under a name that the model gives.
std::vector<Row> WeightFileRows() {
  const auto check = [](bool done) { QUANTD_CHECK(done); };
  const auto write = [](const std::string& path) {
    QUANTD_CHECK(WriteFileAtomically(path, std::string(kWeights * 4, 's')).ok());
  };
  return {
      Several(
          "SymbolicLink",
          {{"to a file", "",
            [=](const std::string& path) {
              write(path + ".target");
              check(::symlink((path + ".target").c_str(), path.c_str()) == 0);
            }},
           {"to nothing", "",
            [=](const std::string& path) { check(::symlink("/no/where", path.c_str()) == 0); }},
           {"to itself", "",
            [=](const std::string& path) { check(::symlink(path.c_str(), path.c_str()) == 0); }},
           {"to a device", "",
            [=](const std::string& path) { check(::symlink("/dev/zero", path.c_str()) == 0); }}},
          {"EXTERNAL_DATA"}, "symbolic link"),
      Allowed(Several("HardLink",
                      {{"to a file", "",
                        [=](const std::string& path) {
                          write(path + ".target");
                          check(::link((path + ".target").c_str(), path.c_str()) == 0);
                        }}},
                      {"EXTERNAL_DATA"}),
              "a worker's inputs are hard links into its cache"),
  };
}

// The weights lie beside every model of a row that has external data.
void PlaceWithWeights(const std::string& path, const std::string& model) {
  const std::string weights = (std::filesystem::path(path).parent_path() / kWeightsFile).string();
  QUANTD_CHECK(WriteFileAtomically(weights, std::string(kWeights * 4, '\x3f')).ok());
  QUANTD_CHECK(WriteFileAtomically(path, model).ok());
}

std::vector<Row> WithWeightsPlaced(std::vector<Row> rows) {
  for (Row& row : rows) {
    row.variants = [make = row.variants](const std::string& valid) {
      std::vector<Variant> variants = make(valid);
      for (Variant& variant : variants) {
        variant.place = [bytes = variant.bytes](const std::string& path) {
          PlaceWithWeights(path, bytes);
        };
      }
      return variants;
    };
  }
  return rows;
}

}  // namespace

onnx::ModelProto ValidModel() {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "w", TensorProto::FLOAT, {kWeights})
      ->set_raw_data(std::string(kWeights * 4, '\x3f'));
  return model;
}

absl::Status ReadModelBeside(const std::string& path) {
  const std::string weights = (std::filesystem::path(path).parent_path() / kWeightsFile).string();
  std::map<std::string, std::string> files = {{kWeightsFile, weights},
                                              {"", weights},
                                              {"/etc/passwd", weights},
                                              {std::string("weights.bin\0.txt", 16), weights}};
  for (const char* location : kForbiddenLocations) files[location] = weights;
  return ReadOnnxModel(path, files).status();
}

std::vector<Row> ExternalLocationRows() { return WithWeightsPlaced(LocationRows()); }

Reader ExternalDataReader() {
  const std::string external = ExternalModel(kWeightsFile, "0", "4096").SerializeAsString();
  return {.name = "onnx_external_data",
          .file = kWeightsFile,
          .valid = std::string(kWeights * 4, '\x3f'),
          .read =
              [external](const std::string& path) {
                return ParseOnnxModel(external, {{kWeightsFile, path}}).status();
              },
          .field = "model.graph.initializer[w]",
          .rows = CommonRows({.reason = "EXTERNAL_DATA",
                              .tail_valid_because = "several tensors share a file",
                              .flips_valid_because = "weights may be anything"}) +
                  WeightFileRows()};
}

}  // namespace quantd::hostile
