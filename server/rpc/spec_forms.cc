#include "server/rpc/spec_forms.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quantd {
namespace {

// The component that counts: the spec's where it sets one, else that of the preset.
const v1::Component& Effective(const v1::Component& own, bool has_own,
                               const v1::Component& preset) {
  return has_own ? own : preset;
}

// The id at "weight.granularity" and the like; nothing for a field that we do not know.
std::optional<std::string> IdAt(const v1::Recipe& recipe, const v1::Recipe& preset,
                                const std::string& field) {
  const size_t dot = field.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const std::string part = field.substr(0, dot), axis = field.substr(dot + 1);
  if (part != "weight" && part != "activation") return std::nullopt;
  const v1::TensorRecipe& own = part == "weight" ? recipe.weight() : recipe.activation();
  const v1::TensorRecipe& from = part == "weight" ? preset.weight() : preset.activation();
  if (axis == "format") return Effective(own.format(), own.has_format(), from.format()).id();
  if (axis == "granularity")
    return Effective(own.granularity(), own.has_granularity(), from.granularity()).id();
  if (axis == "range") return Effective(own.range(), own.has_range(), from.range()).id();
  if (axis == "rounding")
    return Effective(own.rounding(), own.has_rounding(), from.rounding()).id();
  return std::nullopt;
}

std::string Shown(const std::string& id) {
  return id.empty() ? "empty" : absl::StrCat("'", id, "'");
}

// Why the form cannot hold the recipe; empty when it can.
std::string MisfitOf(const v1::ExportForm& form, const v1::Recipe& recipe,
                     const v1::Recipe& preset) {
  for (const v1::ExportForm::Condition& condition : form.conditions()) {
    const std::optional<std::string> id = IdAt(recipe, preset, condition.field());
    if (!id) continue;
    const bool listed =
        std::find(condition.ids().begin(), condition.ids().end(), *id) != condition.ids().end();
    if (listed == condition.allowed()) continue;
    if (!condition.allowed()) {
      return absl::StrCat("'", form.id(), "' cannot hold ", Shown(*id), " in recipe.",
                          condition.field());
    }
    const std::string ids =
        absl::StrJoin(condition.ids(), ", ",
                      [](std::string* out, const std::string& one) { out->append(Shown(one)); });
    return absl::StrCat("'", form.id(), "' needs recipe.", condition.field(), " to be ", ids,
                        ", not ", Shown(*id));
  }
  return "";
}

// Null when the catalogue lacks the preset that the spec names.
const v1::Recipe* PresetOf(const v1::JobSpec& spec, const v1::Catalogue& catalogue) {
  if (spec.recipe().preset().empty()) return &v1::Recipe::default_instance();
  for (const v1::Preset& preset : catalogue.presets()) {
    if (preset.id() == spec.recipe().preset()) return &preset.recipe();
  }
  return nullptr;
}

}  // namespace

void CheckExportForms(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues,
                      SpecProblems& problems) {
  for (int i = 0; i < spec.exports_size(); ++i) {
    std::string misfit;
    bool fits_somewhere = false;
    for (const v1::Catalogue& catalogue : catalogues) {
      const v1::Recipe* preset = PresetOf(spec, catalogue);
      for (const v1::ExportForm& form : catalogue.export_forms()) {
        if (preset == nullptr || form.id() != spec.exports(i).format()) continue;
        const std::string found = MisfitOf(form, spec.recipe(), *preset);
        fits_somewhere |= found.empty();
        if (misfit.empty()) misfit = found;
      }
    }
    if (!misfit.empty() && !fits_somewhere) {
      problems.Add("FORM_DOES_NOT_FIT", absl::StrCat("spec.exports[", i, "].format"), misfit);
    }
  }
}

}  // namespace quantd
