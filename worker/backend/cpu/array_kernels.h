// The operator families of arrays: what NumPy has, too. Each table stands in the file of its name.
#pragma once

#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

std::span<const KernelEntry> ActivationKernels();  // activation_functions.cc
std::span<const KernelEntry> ArgKernels();
std::span<const KernelEntry> CastKernels();
std::span<const KernelEntry> CumSumKernels();
std::span<const KernelEntry> FillKernels();
std::span<const KernelEntry> JoinKernels();
std::span<const KernelEntry> LogicKernels();
std::span<const KernelEntry> PadKernels();
std::span<const KernelEntry> PowerKernels();
std::span<const KernelEntry> RepeatKernels();
std::span<const KernelEntry> ScatterKernels();
std::span<const KernelEntry> SelectKernels();
std::span<const KernelEntry> SliceKernels();
std::span<const KernelEntry> TopKKernels();
std::span<const KernelEntry> TransposeKernels();
std::span<const KernelEntry> UniqueKernels();

}  // namespace quantd::cpu
