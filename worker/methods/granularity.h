// How many codes a tensor has.
#pragma once

#include "worker/methods/method_info.h"

namespace quantd {

// Of the granularity "per_block". Runtimes have kernels for powers of two from 16 to 256.
inline constexpr ParamSpec kPerBlockParams[] = {
    {.name = "block_size",
     .type = ParamType::kInteger,
     .unit = "weights",
     .min = 16,
     .max = 256,
     .initial = 128,
     .summary = "weights along the input axis that share a scale; the last block may be shorter"}};

}  // namespace quantd
