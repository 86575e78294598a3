// The part of the HTML report about layers: quality of each, and how well each range fits its
// input.
#pragma once

#include <string>

#include "worker/quality/report.h"

namespace quantd {

// The section, or nothing when the report has no layers.
std::string LayersSection(const QualityReport& report);

}  // namespace quantd
