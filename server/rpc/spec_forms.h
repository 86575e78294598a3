// Whether the forms that a spec wants its model in can hold what its recipe makes.
#pragma once

#include <vector>

#include "quantd/v1/quality.pb.h"
#include "server/rpc/spec_check.h"

namespace quantd {

// Adds FORM_DOES_NOT_FIT for each export that no catalogue's form of that name can hold. Forms and
// presets that no catalogue knows are not judged here.
void CheckExportForms(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues,
                      SpecProblems& problems);

}  // namespace quantd
