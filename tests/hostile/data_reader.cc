#include "tests/hostile/data_reader.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/file.h"
#include "common/status_macros.h"
#include "tests/worker/io/data/test_files.h"
#include "worker/io/data/dataset.h"

namespace quantd::hostile {
namespace {

using testing::Input;
using testing::Npy;
using testing::TestFiles;

constexpr int64_t kRowsRead = 64;

absl::Status ReadRows(const DataSpec& spec, const std::map<std::string, std::string>& files,
                      Shape row_shape) {
  row_shape.insert(row_shape.begin(), -1);
  const std::vector<ValueInfo> inputs = {Input("x", DataType::kFloat, row_shape)};
  ASSIGN_OR_RETURN(const auto dataset, OpenDataset(spec, files, inputs));
  std::vector<int64_t> rows(static_cast<size_t>(std::min(dataset->rows(), kRowsRead)));
  std::iota(rows.begin(), rows.end(), 0);
  return dataset->Batch(rows).status();
}

}  // namespace

absl::Status ReadAsData(const std::string& file, const std::string& path, const Shape& row_shape) {
  return ReadRows({}, {{file, path}}, row_shape);
}

absl::Status ReadAsLabels(const std::string& file, const std::string& path) {
  // Inside the reader, and small: rows that are good.
  TestFiles files;
  files.Add("x.npy", Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2), }",
                         std::string(8, '\1')));
  files.AddPath(file, path);
  DataSpec spec;
  spec.bindings = {{"x", "x.npy"}};
  spec.labels = {.kind = LabelKind::kArray, .array = file};
  return ReadRows(spec, files.manifest(), {2});
}

}  // namespace quantd::hostile
