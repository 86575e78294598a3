// Gates of the API, decided on a report of the API, by the rules of common/gate.h. Pure functions.
#pragma once

#include "common/gate.h"
#include "quantd/v1/job.pb.h"
#include "quantd/v1/report.pb.h"

namespace quantd {

// REQUIRES: CheckSpec() found nothing wrong with the gate.
Gate FromProto(const v1::Gate& gate);

v1::GateResult DecideGate(const v1::Gate& gate, const v1::QualityReport& report);

}  // namespace quantd
