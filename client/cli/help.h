// Help texts, made from the tables of commands and flags.
#pragma once

#include <span>
#include <string>

#include "client/cli/command.h"

namespace quantd {

// The flags that every command takes.
const std::vector<FlagSpec>& GlobalFlags();

std::string OverviewHelp(std::span<const Command* const> commands);
std::string CommandHelp(const Command& command);

}  // namespace quantd
