// Every range method: one file each in this folder, listed at build time.
#pragma once

#include <span>

#include "worker/methods/range_method.h"

namespace quantd::range {

std::span<const RangeInfo* const> All();

}  // namespace quantd::range
