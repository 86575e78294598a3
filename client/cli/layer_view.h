// The layers of a report as a table.
#pragma once

#include <ostream>

#include "quantd/v1/report.pb.h"

namespace quantd {

// The noisiest layer (lowest SQNR) first.
void PrintLayers(const v1::QualityReport& report, std::ostream& out);

}  // namespace quantd
