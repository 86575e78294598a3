// The report as one self-contained HTML page: no script, no font, image or link from elsewhere,
// plots as inline SVG, light and dark by the reader's preference, readable on a phone and in print.
// Equal reports give equal bytes.
#pragma once

#include <string>

#include "worker/quality/report.h"

namespace quantd {

// Never fails: whatever a report holds is shown, escaped. Thread-safe. Size grows with the layers
// (about 4 KB each).
std::string RenderHtmlReport(const QualityReport& report);

}  // namespace quantd
