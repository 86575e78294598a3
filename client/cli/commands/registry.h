// Every command of quantctl; CMake writes the list from the files of this folder.
#pragma once

#include <span>

#include "client/cli/command.h"

namespace quantd::commands {

std::span<const Command* const> All();

}  // namespace quantd::commands
