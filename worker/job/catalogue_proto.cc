#include "worker/job/catalogue_proto.h"

#include <string>

#include "worker/job/recipe_proto.h"
#include "worker/methods/catalogue.h"
#include "worker/methods/export_form.h"
#include "worker/quality/metrics.h"

namespace quantd {
namespace {

std::string Text(absl::string_view text) { return std::string(text); }

void Fill(const ParamSpec& from, v1::Parameter& to) {
  to.set_name(Text(from.name));
  to.set_type(from.type == ParamType::kFlag ? "flag" : from.type == ParamType::kInteger ? "integer" : "number");
  to.set_unit(Text(from.unit));
  to.set_minimum(from.min);
  to.set_maximum(from.max);
  if (from.type == ParamType::kFlag) {
    to.mutable_initial()->set_flag(from.initial != 0);
  } else if (from.type == ParamType::kInteger) {
    to.mutable_initial()->set_integer(static_cast<int64_t>(from.initial));
  } else {
    to.mutable_initial()->set_number(from.initial);
  }
  to.set_summary(Text(from.summary));
}

void Fill(const ExportFormInfo& from, v1::ExportForm& to) {
  to.set_id(from.id);
  to.set_summary(from.summary);
  for (const RecipeCondition& condition : from.conditions) {
    v1::ExportForm::Condition& added = *to.add_conditions();
    added.set_field(condition.field);
    for (const std::string& id : condition.ids) added.add_ids(id);
    added.set_allowed(condition.allowed);
  }
}

}  // namespace

v1::Catalogue MakeCatalogueProto() {
  const Catalogue catalogue = MakeCatalogue();
  v1::Catalogue proto;
  proto.set_engine_version(kEngineVersion);
  for (const MethodInfo& method : catalogue.methods) {
    v1::Method& to = *proto.add_methods();
    to.set_id(Text(method.id));
    to.set_axis(Text(method.axis));
    to.set_summary(Text(method.summary));
    to.set_paper(Text(method.paper));
    for (const ParamSpec& param : method.params) Fill(param, *to.add_parameters());
    if (!method.needs.empty()) to.add_needs(Text(method.needs));
  }
  for (const PresetInfo* preset : catalogue.presets) {
    v1::Preset& to = *proto.add_presets();
    to.set_id(preset->id);
    to.set_summary(preset->summary);
    *to.mutable_recipe() = ToProto(preset->recipe);
  }
  for (const std::string& device : catalogue.devices) proto.add_devices(device);
  for (const std::string& format : catalogue.model_formats) proto.add_model_formats(format);
  for (const ExportFormInfo* form : catalogue.export_forms) {
    proto.add_export_formats(form->id);
    Fill(*form, *proto.add_export_forms());
  }
  for (const MetricInfo& metric : MetricCatalogue()) {
    v1::MetricInfo& to = *proto.add_metrics();
    to.set_id(metric.id);
    to.set_summary(metric.summary);
    to.set_unit(metric.unit);
    to.set_needs_labels(metric.needs_labels);
  }
  return proto;
}

}  // namespace quantd
