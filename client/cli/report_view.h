// Metrics, gates and whole reports as tables.
#pragma once

#include <ostream>
#include <string>

#include "google/protobuf/repeated_field.h"
#include "quantd/v1/job.pb.h"

namespace quantd {

void PrintMetrics(const google::protobuf::RepeatedPtrField<v1::Metric>& metrics, std::ostream& out);

// Metrics, sizes, which rows were used, warnings.
void PrintReport(const v1::QualityReport& report, std::ostream& out);

// One line a gate: outcome, condition, figures.
void PrintGates(const v1::Job& job, std::ostream& out);

// What became of a finished job, for people: the report and the gates, or the error.
void PrintOutcome(const v1::Job& job, std::ostream& out);

// "[0.9928, 0.9986]"; infinite ends as "-inf" and "inf".
std::string FormatInterval(const v1::Interval& interval, const std::string& unit);

}  // namespace quantd
