// Every preset: one file each in this folder, listed at build time. A preset names a composition of components.
#pragma once

#include <span>

#include "worker/methods/catalogue.h"

namespace quantd::presets {

std::span<const PresetInfo* const> All();

}  // namespace quantd::presets
