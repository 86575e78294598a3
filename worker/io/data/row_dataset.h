// The Dataset over one RowSource for each model input.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/io/data/dataset.h"
#include "worker/io/data/labels.h"
#include "worker/io/data/row_source.h"

namespace quantd {

// Errors: ROW_COUNT_MISMATCH, LABEL_COUNT_MISMATCH. REQUIRES: at least one source.
absl::StatusOr<std::unique_ptr<Dataset>> MakeRowDataset(
    std::map<std::string, std::unique_ptr<RowSource>> sources, std::optional<Labels> labels,
    const std::vector<std::string>& origins);

}  // namespace quantd
