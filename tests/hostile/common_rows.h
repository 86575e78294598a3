// The rows that every format has, whatever it looks like inside.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/hostile/reader.h"

namespace quantd::hostile {

// What the common rows need to know of a format. A reason why a file may be valid after all is
// empty where the format says that it is not.
struct Common {
  std::string reason;                    // Of a file that is none of this format.
  std::string empty_reason;              // Of a file without bytes; as `reason` when empty.
  std::vector<std::string> cut_reasons;  // Of one that ends too early; `reason` when empty.
  std::string cut_valid_because;
  std::vector<std::string> tail_reasons;  // Of one with bytes after its end; `reason` when empty.
  std::string tail_valid_because;
  std::string flips_valid_because;  // Of one with some bits changed.
};

std::vector<Row> CommonRows(const Common& common);

// The file as it should be. Must be read.
Row ValidRow();

// One row of one bad file.
Row Single(const std::string& name, const std::string& bytes, const std::string& reason,
           const std::string& says = "");
// One row of several.
Row Several(const std::string& name, std::vector<Variant> variants,
            std::vector<std::string> reasons, const std::string& says = "");
// One row of several that are made when the row's test runs: the table as a whole must be cheap,
// because every test case makes it.
Row Large(const std::string& name, std::function<std::vector<Variant>()> variants,
          std::vector<std::string> reasons, const std::string& says = "");
// The same where a reading exists that is as good: says why.
Row Allowed(Row row, const std::string& why);

// a then b.
std::vector<Row> operator+(std::vector<Row> a, std::vector<Row> b);

}  // namespace quantd::hostile
