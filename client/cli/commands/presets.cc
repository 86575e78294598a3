#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "common/status_macros.h"

namespace quantd::commands::presets {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::ListPresetsResponse presets, invocation.client.ListPresets());
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(presets, invocation.env.out));
    return kExitOk;
  }
  if (presets.no_worker_yet()) {
    invocation.env.err << ExplainCondition("NO_WORKER_YET") << "\n";
    return kExitOk;
  }
  Table table({"PRESET", "SUMMARY"});
  for (const v1::Preset& preset : presets.presets())
    table.Add({preset.id(), Printable(preset.summary())});
  table.Print(invocation.env.out);
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "presets",
      .position = 120,
      .summary = "List the ready recipes.",
      .description = "With --output json, each preset with the recipe it stands for.",
      .examples = {"quantctl presets"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::presets
