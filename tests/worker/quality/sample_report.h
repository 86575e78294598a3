// A report with made-up, realistic figures, for the tests of what is drawn from one.
#pragma once

#include "worker/quality/report.h"

namespace quantd {

// A small vision transformer: 2,000 labelled rows, 26 layers of which one is kept in full
// precision, and every metric of the catalogue, summed up from seeded random logits.
QualityReport SampleReport();

}  // namespace quantd
