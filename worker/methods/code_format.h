// Formats as components of a recipe: an id and parameters.
#pragma once

#include <span>

#include "worker/formats/int_format.h"
#include "worker/methods/method_info.h"

namespace quantd {

// The parameters that a format takes.
std::span<const ParamSpec> FormatParams(const IntFormat& format);

// REQUIRES: CheckRecipe() has passed the component.
IntFormat MakeFormat(const Component& component);

// The version of the default operator set from which on QuantizeLinear and DequantizeLinear take the format's codes.
int64_t LowestOpset(const IntFormat& format);

}  // namespace quantd
