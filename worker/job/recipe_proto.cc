#include "worker/job/recipe_proto.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

v1::ParameterValue ToProto(const ParamValue& value) {
  v1::ParameterValue proto;
  if (const bool* flag = std::get_if<bool>(&value)) proto.set_flag(*flag);
  if (const int64_t* integer = std::get_if<int64_t>(&value)) proto.set_integer(*integer);
  if (const double* number = std::get_if<double>(&value)) proto.set_number(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) proto.set_text(*text);
  return proto;
}

ParamValue FromProto(const v1::ParameterValue& proto) {
  switch (proto.value_case()) {
    case v1::ParameterValue::kFlag: return proto.flag();
    case v1::ParameterValue::kInteger: return int64_t{proto.integer()};
    case v1::ParameterValue::kText: return proto.text();
    default: return proto.number();
  }
}

void Fill(const Component& from, v1::Component& to) {
  to.set_id(from.id);
  for (const auto& [name, value] : from.params) (*to.mutable_parameters())[name] = ToProto(value);
}

Component FromProto(const v1::Component& proto) {
  Component component{.id = proto.id()};
  for (const auto& [name, value] : proto.parameters()) component.params[name] = FromProto(value);
  return component;
}

// Components that say nothing are left out.
void Fill(const TensorRecipe& from, v1::TensorRecipe& to) {
  if (from.format != Component()) Fill(from.format, *to.mutable_format());
  if (from.granularity != Component()) Fill(from.granularity, *to.mutable_granularity());
  if (from.range != Component()) Fill(from.range, *to.mutable_range());
  if (from.rounding != Component()) Fill(from.rounding, *to.mutable_rounding());
}

// Puts what `proto` sets in the place of what `into` holds.
void Override(const v1::TensorRecipe& proto, TensorRecipe& into) {
  if (proto.has_format()) into.format = FromProto(proto.format());
  if (proto.has_granularity()) into.granularity = FromProto(proto.granularity());
  if (proto.has_range()) into.range = FromProto(proto.range());
  if (proto.has_rounding()) into.rounding = FromProto(proto.rounding());
}

void Override(const google::protobuf::RepeatedPtrField<v1::Component>& proto,
              std::vector<Component>& into) {
  if (proto.empty()) return;
  into.clear();
  for (const v1::Component& component : proto) into.push_back(FromProto(component));
}

void Override(const v1::Recipe& proto, Recipe& into) {
  Override(proto.transforms(), into.transforms);
  Override(proto.weight(), into.weight);
  Override(proto.activation(), into.activation);
  if (proto.has_placement()) into.placement = FromProto(proto.placement());
  Override(proto.compensations(), into.compensations);
  if (proto.has_allocation()) into.allocation = FromProto(proto.allocation());
  if (proto.has_data()) into.data = FromProto(proto.data());
  Override(proto.recoveries(), into.recoveries);
  for (const v1::LayerRule& rule : proto.rules()) {
    LayerRule& to = into.rules.emplace_back();
    to.op_type = rule.op_type();
    to.node_name = rule.node_name();
    to.exclude = rule.exclude();
    Override(rule.weight(), to.weight);
    Override(rule.activation(), to.activation);
  }
}

}  // namespace

v1::Recipe ToProto(const Recipe& recipe) {
  v1::Recipe proto;
  for (const Component& component : recipe.transforms) Fill(component, *proto.add_transforms());
  Fill(recipe.weight, *proto.mutable_weight());
  Fill(recipe.activation, *proto.mutable_activation());
  if (!recipe.placement.id.empty()) Fill(recipe.placement, *proto.mutable_placement());
  for (const Component& component : recipe.compensations) Fill(component, *proto.add_compensations());
  if (!recipe.allocation.id.empty()) Fill(recipe.allocation, *proto.mutable_allocation());
  if (!recipe.data.id.empty()) Fill(recipe.data, *proto.mutable_data());
  for (const Component& component : recipe.recoveries) Fill(component, *proto.add_recoveries());
  for (const LayerRule& rule : recipe.rules) {
    v1::LayerRule& to = *proto.add_rules();
    to.set_op_type(rule.op_type);
    to.set_node_name(rule.node_name);
    to.set_exclude(rule.exclude);
    if (rule.weight != TensorRecipe()) Fill(rule.weight, *to.mutable_weight());
    if (rule.activation != TensorRecipe()) Fill(rule.activation, *to.mutable_activation());
  }
  return proto;
}

Recipe FromProto(const v1::Recipe& proto) {
  Recipe recipe;
  Override(proto, recipe);
  return recipe;
}

absl::StatusOr<Recipe> ExpandRecipe(const v1::Recipe& proto) {
  if (proto.preset().empty()) return FromProto(proto);
  const Catalogue catalogue = MakeCatalogue();
  std::vector<std::string> known;
  for (const PresetInfo* preset : catalogue.presets) {
    if (preset->id == proto.preset()) {
      Recipe recipe = preset->recipe;
      Override(proto, recipe);
      return recipe;
    }
    known.emplace_back(preset->id);
  }
  return InvalidField("UNKNOWN_PRESET", "spec.recipe.preset",
                      absl::StrCat("there is no preset '", proto.preset(), "'; known: ",
                                   absl::StrJoin(known, ", ")));
}

DataSpec FromProto(const v1::DataInput& proto) {
  DataSpec spec;
  spec.format = static_cast<DataFormat>(proto.format());
  spec.bindings.insert(proto.bindings().begin(), proto.bindings().end());
  const v1::Preprocessing& from = proto.preprocessing();
  Preprocessing& to = spec.preprocessing;
  to.resize_width = from.resize_width();
  to.resize_height = from.resize_height();
  to.resize_shorter_side = from.resize_shorter_side();
  to.crop_width = from.crop_width();
  to.crop_height = from.crop_height();
  to.layout = from.layout() == v1::Preprocessing::NHWC ? PixelLayout::kNhwc : PixelLayout::kNchw;
  to.channels = static_cast<ChannelOrder>(from.channels());
  to.scale = from.scale() == 0 ? 1 : from.scale();
  to.mean.assign(from.mean().begin(), from.mean().end());
  to.std.assign(from.std().begin(), from.std().end());
  switch (proto.labels().source_case()) {
    case v1::LabelSource::kArray:
      spec.labels.kind = LabelKind::kArray;
      spec.labels.array = proto.labels().array();
      break;
    case v1::LabelSource::kFolderName:
      if (proto.labels().folder_name()) spec.labels.kind = LabelKind::kFolderName;
      break;
    case v1::LabelSource::kFileNamePrefix:
      if (proto.labels().file_name_prefix()) spec.labels.kind = LabelKind::kFileNamePrefix;
      break;
    case v1::LabelSource::SOURCE_NOT_SET:
      break;
  }
  spec.labels.column = proto.labels().column();
  return spec;
}

}  // namespace quantd
