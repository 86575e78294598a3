// All operators of the CPU in one list, and the families that take more than tensors of numbers.
#pragma once

#include <span>
#include <vector>

#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// Every family's rows. Lives for ever.
const std::vector<KernelEntry>& AllKernels();

std::span<const KernelEntry> SequenceKernels();
std::span<const KernelEntry> StringNormalizerKernels();
std::span<const KernelEntry> TfIdfVectorizerKernels();

}  // namespace quantd::cpu
