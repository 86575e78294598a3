// What people write: recipes and jobs as quantctl reads them, the configuration of the processes.
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/message_file.h"
#include "common/config/config_file.h"
#include "quantd/v1/spec.pb.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/reader.h"

namespace quantd::hostile {
namespace {

constexpr int kDepth = 100'000;

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string ValidRecipe() {
  std::string recipe = "preset: w8a8-percentile\nrules:\n";
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&recipe, "- {node_name: 'layers.", i, ".*', op_type: MatMul, exclude: true}\n");
  }
  return recipe;
}

std::string ValidJson() {
  std::string json = R"({"calibration": {"rows": 128}, "recipe": {"preset": "a", "rules": [)";
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ", ", "{\"node_name\": \"layers.", i,
                    ".*\", \"exclude\": true}");
  }
  return json + "]}}";
}

std::string ValidConfig() {
  std::string config = "# Where it listens.\nlisten: 0.0.0.0:7460\n";
  for (int i = 0; i < 40; ++i)
    absl::StrAppend(&config, "option-", i, ": \"value number ", i, "\"\n");
  return config;
}

// Every way in which YAML nests.
std::vector<Variant> Deep(const std::string& key) {
  return {{"lists", key + Repeated("[", kDepth)},
          {"closed lists", key + Repeated("[", kDepth) + Repeated("]", kDepth)},
          {"maps", key + Repeated("{a: ", kDepth)},
          {"quoted maps", key + Repeated("{\"a\":", kDepth) + "1" + Repeated("}", kDepth)},
          {"block lists", Repeated("- ", kDepth) + "a\n"},
          {"complex keys", Repeated("? ", kDepth) + "a\n"},
          {"tags", key + Repeated("!a [", kDepth)},
          {"flow keys", key + Repeated("[{? ", kDepth)}};
}

std::vector<Row> SharedRows(const std::string& reason, const std::string& key) {
  return {
      Large("DepthOf100000", [=] { return Deep(key + ": "); }, {reason}),
      Large("BadUtf8",
            [=] {
              return std::vector<Variant>{{"a key",
                                           "\xff\xfe\xfd"
                                           "key: 1\n" +
                                               key + ": {\n"},
                                          {"escape codes in a key", "\"\\e[2Jkey\": {}\n"},
                                          {"a very long key", std::string(200'000, 'k') + ": {}\n"},
                                          {"an overlong slash", key + ": {\"\xc0\xaf\": 1}\n"}};
            },
            {reason}),
      Several("OddBytes",
              {{"NUL", key + std::string(": {\0", 4)},
               {"end of transmission", key + ": {\x04"},
               {"UTF-16", std::string("\xff\xfe{\0{\0", 6)},
               {"UTF-32", std::string("\0\0\xfe\xff\0\0\0{", 8)}},
              {reason}),
      // yaml-cpp finds an empty document in front of each, and never comes past it.
      Several("DocumentsWithoutEnd",
              {{"a comma", ","}, {"commas", ",,"}, {"behind a value", "a: 1\n---\n,"}}, {reason}),
      Large("TooLarge",
            [=] {
              return std::vector<Variant>{{"5 MiB", std::string(5 << 20, '#')}};
            },
            {reason}),
  };
}

std::vector<Variant> AliasBombs() {
  std::string laughs = "a: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    absl::StrAppend(&laughs, "a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  }
  // Within the message's shape: 40,000 rules that share 40,000 parameters.
  std::string shared = "activation: {range: {id: mse, parameters: &p {";
  for (int i = 0; i < 40'000; ++i) absl::StrAppend(&shared, "p", i, ": 1, ");
  shared += "}}}\nrules:\n" + Repeated("- {weight: {range: {id: mse, parameters: *p}}}\n", 40'000);
  return {{"of lists", laughs}, {"of rules", shared}};
}

std::vector<Row> RecipeRows() {
  return {
      Several("DuplicateKeys",
              {{"a field", "preset: a\npreset: b\n"},
               {"a field in two spellings", "weight: {range: {id: a}, range: {id: b}}\n"},
               {"a map", "activation:\n  range: {id: a, parameters: {p: 1, p: 2}}\n"},
               {"in a list", "rules:\n- {exclude: true, op_type: a, exclude: false}\n"}},
              {"INVALID_FILE"}, "stands twice"),
      Several("DuplicateKeysInTwoSpellings", {{"both", "rules:\n- {op_type: a, opType: b}\n"}},
              {"INVALID_FILE"}, "stands twice"),
      Large("AliasBomb", &AliasBombs, {"INVALID_FILE"}),
      Several("NumbersThatDoNotFit",
              {{"2^64",
                "activation: {range: {id: a, parameters: {p: {integer: 18446744073709551616}}}}"},
               {"fraction", "activation: {range: {id: a, parameters: {p: {integer: 1.5}}}}"}},
              {"INVALID_FILE"}),
  };
}

std::vector<Row> JsonRows() {
  return {
      Several("DuplicateKeys",
              {{"an object", R"({"calibration": {"rows": 1, "rows": 2}})"},
               {"the document", R"({"recipe": {}, "recipe": {"preset": "a"}})"}},
              {"INVALID_FILE"}, "stands twice"),
      Several("NumbersThatDoNotFit",
              {{"2^64 - 1", R"({"calibration": {"rows": 18446744073709551615}})"},
               {"fraction", R"({"calibration": {"rows": 1.5}})"},
               {"exponent", R"({"calibration": {"rows": 1e3}})"}},
              {"INVALID_FILE"}),
  };
}

std::vector<Row> ConfigRows() {
  return {
      Several(
          "DuplicateKeys",
          {{"the same", "listen: a\nlisten: b\n"}, {"two spellings", "data-dir: a\ndata_dir: b\n"}},
          {"INVALID_CONFIG"}, "twice"),
      Several("AliasBomb", {{"alias to itself", "a: &a [*a]\n"}, {"unknown", "a: *b\n"}},
              {"INVALID_CONFIG"}),
  };
}

template <typename Message>
Reader MessageReader(const std::string& name, const std::string& file, const std::string& valid,
                     const std::string& key, std::vector<Row> rows) {
  return {.name = name,
          .file = file,
          .valid = valid,
          .read =
              [](const std::string& path) {
                Message message;
                return ReadMessageFile(path, &message);
              },
          .field = "",  // A path inside the document, or the document.
          .rows = CommonRows({.reason = "INVALID_FILE",
                              .cut_valid_because = "YAML of fewer lines is YAML",
                              .tail_valid_because = "YAML of more lines is YAML",
                              .flips_valid_because = "another letter is another word"}) +
                  SharedRows("INVALID_FILE", key) + std::move(rows)};
}

}  // namespace

std::vector<Reader> TextReaders() {
  Reader config = {.name = "config",
                   .file = "quantd.yaml",
                   .valid = ValidConfig(),
                   .read = [](const std::string& path) { return ReadConfigFile(path).status(); },
                   .field = "",  // The file, or the file and the option.
                   .rows = CommonRows({.reason = "INVALID_CONFIG",
                                       .cut_valid_because = "YAML of fewer lines is YAML",
                                       .tail_valid_because = "YAML of more lines is YAML",
                                       .flips_valid_because = "another letter is another word"}) +
                           SharedRows("INVALID_CONFIG", "listen") + ConfigRows()};
  for (Row& row : config.rows) {
    if (row.name == "EmptyFile") row.valid_because = "no option need be given";
  }
  return {
      MessageReader<v1::Recipe>("recipe", "recipe.yaml", ValidRecipe(), "activation", RecipeRows()),
      MessageReader<v1::JobSpec>("spec_json", "spec.json", ValidJson(), "recipe", JsonRows()),
      config};
}

}  // namespace quantd::hostile
