#include "worker/io/data/row_dataset.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/io/data/data_errors.h"

namespace quantd {
namespace {

// 1234567 -> "1,234,567".
std::string Grouped(int64_t number) {
  const std::string digits = absl::StrCat(number);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

class RowDataset : public Dataset {
 public:
  RowDataset(std::map<std::string, std::unique_ptr<RowSource>> sources,
             std::optional<Labels> labels, std::string description)
      : sources_(std::move(sources)),
        rows_(sources_.begin()->second->rows()),
        has_labels_(labels.has_value()),
        labels_(std::move(labels).value_or(Labels())),
        description_(std::move(description)) {}

  int64_t rows() const override { return rows_; }

  absl::StatusOr<std::map<std::string, Tensor>> Batch(
      std::span<const int64_t> indices) const override {
    for (const int64_t row : indices) {
      if (row < 0 || row >= rows_) {
        return absl::OutOfRangeError(absl::StrCat("row ", row, " of a data set of ", rows_));
      }
    }
    std::map<std::string, Tensor> batch;
    for (const auto& [input, source] : sources_) {
      Shape shape = source->row_shape();
      shape.insert(shape.begin(), static_cast<int64_t>(indices.size()));
      RETURN_IF_ERROR(CheckedElementCount(shape).status());
      Tensor tensor(source->dtype(), shape);
      char* out = static_cast<char*>(tensor.mutable_raw());
      const size_t row_bytes = indices.empty() ? 0 : tensor.bytes() / indices.size();
      for (const int64_t row : indices) {
        RETURN_IF_ERROR(source->Read(row, out));
        out += row_bytes;
      }
      batch.emplace(input, std::move(tensor));
    }
    return batch;
  }

  bool has_labels() const override { return has_labels_; }
  int64_t Label(int64_t row) const override {
    QUANTD_CHECK(has_labels_ && row >= 0 && row < rows_);
    return labels_.of_row[static_cast<size_t>(row)];
  }
  const std::vector<std::string>& class_names() const override { return labels_.class_names; }
  const std::string& description() const override { return description_; }

 private:
  const std::map<std::string, std::unique_ptr<RowSource>> sources_;
  const int64_t rows_;
  const bool has_labels_;
  const Labels labels_;
  const std::string description_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> MakeRowDataset(
    std::map<std::string, std::unique_ptr<RowSource>> sources, std::optional<Labels> labels,
    const std::vector<std::string>& origins) {
  QUANTD_CHECK(!sources.empty());
  const auto& [first_input, first] = *sources.begin();
  const int64_t rows = first->rows();
  for (const auto& [input, source] : sources) {
    if (source->rows() != rows) return RowCountMismatch(input, source->rows(), first_input, rows);
  }
  if (labels.has_value() && static_cast<int64_t>(labels->of_row.size()) != rows) {
    return LabelCountMismatch(static_cast<int64_t>(labels->of_row.size()), rows);
  }
  std::string description = absl::StrCat(Grouped(rows), rows == 1 ? " row of " : " rows of ",
                                         absl::StrJoin(origins, ", "));
  return std::make_unique<RowDataset>(std::move(sources), std::move(labels),
                                      std::move(description));
}

}  // namespace quantd
