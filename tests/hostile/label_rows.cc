// Labels as comma-separated lines.
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/data_reader.h"
#include "tests/hostile/reader.h"

namespace quantd::hostile {
namespace {

// Four rows, as many as the data that they go with.
std::string ValidCsv() {
  std::string csv = "label,note\n";
  for (int row = 0; row < 4; ++row) absl::StrAppend(&csv, row, ",", std::string(400, 'n'), "\n");
  return csv;
}

std::string Lines(const std::string& label) {
  return absl::StrCat("label\n0\n1\n2\n", label, "\n");
}

std::vector<Row> CsvRows() {
  return {
      Large(
          "BadNumbers",
          [=] {
            return std::vector<Variant>{{"2^64 - 1", Lines("18446744073709551615")},
                                        {"2^64", Lines("18446744073709551616")},
                                        {"many digits", Lines(std::string(100'000, '9'))},
                                        {"negative", Lines("-1")},
                                        {"fraction", Lines("1.5")},
                                        {"exponent", Lines("1e0")},
                                        {"NaN", Lines("nan")},
                                        {"hexadecimal", Lines("0x1")}};
          },
          {"BAD_LABEL"}, "line 5"),
      Several(
          "TooManyOrTooFew",
          {{"too many", Lines("3\n4")}, {"too few", "0\n1\n2\n"}, {"a heading only", "label\n"}},
          {"LABEL_COUNT_MISMATCH"}),
      Large("DeepQuotes",
            [=] {
              return std::vector<Variant>{{"100,000", Lines(std::string(100'000, '"'))},
                                          {"brackets", Lines(std::string(100'000, '['))}};
            },
            {"BAD_LABEL"}),
      // A line is looked at only up to its column.
      Allowed(Large("ManyCells",
                    [=] {
                      return std::vector<Variant>{
                          {"32 million", Lines("3" + std::string(32 << 20, ','))}};
                    },
                    {"BAD_LABEL"}),
              "cells behind the label's column mean nothing"),
      Several("BadUtf8", {{"label", Lines("\xff\xfe\x1b[2J")}}, {"BAD_LABEL"}),
      Several("NulBytes", {{"label", Lines(std::string("1\0", 2))}}, {"BAD_LABEL"}),
  };
}

}  // namespace

std::vector<Reader> LabelReaders() {
  return {{.name = "csv",
           .file = "labels.csv",
           .valid = ValidCsv(),
           .read = [](const std::string& path) { return ReadAsLabels("labels.csv", path); },
           .field = "data.labels|data.files[labels.csv]",
           .rows = CommonRows({.reason = "BAD_LABEL",
                               .cut_reasons = {"LABEL_COUNT_MISMATCH", "BAD_LABEL"},
                               .cut_valid_because = "the label stands before the note that is cut",
                               .tail_reasons = {"LABEL_COUNT_MISMATCH", "BAD_LABEL"},
                               .flips_valid_because = "another digit is another label"}) +
                   CsvRows()}};
}

}  // namespace quantd::hostile
