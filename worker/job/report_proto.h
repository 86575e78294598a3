// The quality report as protobuf, field by field.
#pragma once

#include "quantd/v1/report.pb.h"
#include "worker/quality/report.h"

namespace quantd {

v1::QualityReport ToProto(const QualityReport& report);

}  // namespace quantd
