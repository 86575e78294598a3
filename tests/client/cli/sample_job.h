// A finished job with one of everything, for the tests of what people see.
#pragma once

#include "quantd/v1/job.pb.h"

namespace quantd::testing {

v1::Job SampleJob();

}  // namespace quantd::testing
