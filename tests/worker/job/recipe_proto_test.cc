#include "worker/job/recipe_proto.h"

#include "tests/support/status_matchers.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NamesField;
using ::testing::Pair;
using ::testing::SizeIs;

Recipe FullRecipe() {
  return {.transforms = {{"t1", {{"a", 1.5}}}, {"t2"}},
          .weight = {{"int8_sym"}, {"per_channel"}, {"mse", {{"exponent", 2.4}}}, {"nearest"}},
          .activation = {{"uint8_asym"}, {"per_tensor"}, {"minmax"}, {"nearest"}},
          .placement = {"inputs_only"},
          .compensations = {{"bias_correction"}},
          .allocation = {"greedy", {{"bits", int64_t{-6}}}},
          .data = {"random", {{"stratified", true}}},
          .recoveries = {{"r", {{"mode", std::string("fast")}}}},
          .rules = {{.op_type = "Conv", .node_name = "a/*", .exclude = true},
                    {.node_name = "a/b", .exclude = false},
                    {.node_name = "c/*",
                     .weight = {.range = {"percentile", {{"p", 0.9}}}},
                     .activation = {.format = {"int8_asym"}, .rounding = {"nearest"}}}}};
}

TEST(RecipeProtoTest, ARecipeComesBackWhole) {
  EXPECT_EQ(FromProto(ToProto(FullRecipe())), FullRecipe());
  EXPECT_EQ(FromProto(ToProto(Recipe())), Recipe());
  const Catalogue catalogue = MakeCatalogue();
  for (const PresetInfo* preset : catalogue.presets) {
    EXPECT_EQ(FromProto(ToProto(preset->recipe)), preset->recipe) << preset->id;
  }
}

TEST(ExpandRecipeTest, APresetStandsForItsRecipe) {
  v1::Recipe proto;
  proto.set_preset("w8a8-mse");
  ASSERT_OK_AND_ASSIGN(const Recipe recipe, ExpandRecipe(proto));
  EXPECT_EQ(recipe.weight.range.id, "mse");
  EXPECT_EQ(recipe.activation.format.id, "uint8_asym");
  EXPECT_THAT(recipe.compensations, ElementsAre(Component{"bias_correction"}));
}

TEST(ExpandRecipeTest, WhatIsSetReplacesThatOfThePresetAndNothingElse) {
  v1::Recipe proto;
  proto.set_preset("w8a8-mse");
  proto.mutable_activation()->mutable_range()->set_id("percentile");
  (*proto.mutable_activation()->mutable_range()->mutable_parameters())["p"].set_number(0.99);
  proto.add_compensations()->set_id("other");
  proto.add_rules()->set_op_type("Gemm");
  ASSERT_OK_AND_ASSIGN(const Recipe recipe, ExpandRecipe(proto));
  EXPECT_EQ(recipe.activation.range, (Component{"percentile", {{"p", 0.99}}}));
  EXPECT_EQ(recipe.weight.range.id, "mse");
  EXPECT_EQ(recipe.activation.format.id, "uint8_asym");
  EXPECT_THAT(recipe.compensations, ElementsAre(Component{"other"}));
  EXPECT_THAT(recipe.rules, ElementsAre(LayerRule{.op_type = "Gemm"}));
}

TEST(ExpandRecipeTest, WithoutAPresetEverythingStandsInTheRequest) {
  ASSERT_OK_AND_ASSIGN(const Recipe recipe, ExpandRecipe(ToProto(FullRecipe())));
  EXPECT_EQ(recipe, FullRecipe());
}

TEST(ExpandRecipeTest, AnUnknownPresetIsAnsweredWithThoseThatExist) {
  v1::Recipe proto;
  proto.set_preset("w8a8_mse");
  const absl::Status status = ExpandRecipe(proto).status();
  EXPECT_THAT(status, HasReason("UNKNOWN_PRESET"));
  EXPECT_THAT(status, NamesField("spec.recipe.preset"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("w8a8-entropy, w8a8-minmax, w8a8-mse, w8a8-percentile"));
}

TEST(DataSpecTest, FormatsKeepTheirMeaning) {
  const std::vector<std::pair<v1::DataInput::Format, DataFormat>> formats = {
      {v1::DataInput::FORMAT_UNSPECIFIED, DataFormat::kAuto},
      {v1::DataInput::NPY, DataFormat::kNpy},
      {v1::DataInput::NPZ, DataFormat::kNpz},
      {v1::DataInput::IDX, DataFormat::kIdx},
      {v1::DataInput::IMAGES, DataFormat::kImages},
      {v1::DataInput::ONNX_TENSOR, DataFormat::kOnnxTensor}};
  ASSERT_EQ(static_cast<int>(formats.size()), v1::DataInput::Format_ARRAYSIZE);
  for (const auto& [wire, format] : formats) {
    v1::DataInput proto;
    proto.set_format(wire);
    EXPECT_EQ(FromProto(proto).format, format);
  }
}

TEST(DataSpecTest, ChannelsAndLayoutsKeepTheirMeaning) {
  v1::DataInput proto;
  v1::Preprocessing& from = *proto.mutable_preprocessing();
  EXPECT_EQ(FromProto(proto).preprocessing.layout, PixelLayout::kNchw);
  EXPECT_EQ(FromProto(proto).preprocessing.channels, ChannelOrder::kUnspecified);
  from.set_layout(v1::Preprocessing::NHWC);
  EXPECT_EQ(FromProto(proto).preprocessing.layout, PixelLayout::kNhwc);
  for (const auto& [wire, order] : {std::pair(v1::Preprocessing::RGB, ChannelOrder::kRgb),
                                    std::pair(v1::Preprocessing::BGR, ChannelOrder::kBgr),
                                    std::pair(v1::Preprocessing::GRAY, ChannelOrder::kGray)}) {
    from.set_channels(wire);
    EXPECT_EQ(FromProto(proto).preprocessing.channels, order);
  }
}

TEST(DataSpecTest, EveryNumberArrives) {
  v1::DataInput proto;
  (*proto.mutable_bindings())["x"] = "rows.npy";
  v1::Preprocessing& from = *proto.mutable_preprocessing();
  EXPECT_EQ(FromProto(proto).preprocessing.scale, 1);  // 0 on the wire.
  from.set_resize_width(1);
  from.set_resize_height(2);
  from.set_resize_shorter_side(3);
  from.set_crop_width(4);
  from.set_crop_height(5);
  from.set_scale(0.5);
  from.add_mean(6);
  from.add_std(7);
  from.add_std(8);
  const DataSpec spec = FromProto(proto);
  EXPECT_THAT(spec.bindings, ElementsAre(Pair("x", "rows.npy")));
  EXPECT_EQ(spec.preprocessing.resize_width, 1);
  EXPECT_EQ(spec.preprocessing.resize_height, 2);
  EXPECT_EQ(spec.preprocessing.resize_shorter_side, 3);
  EXPECT_EQ(spec.preprocessing.crop_width, 4);
  EXPECT_EQ(spec.preprocessing.crop_height, 5);
  EXPECT_EQ(spec.preprocessing.scale, 0.5);
  EXPECT_THAT(spec.preprocessing.mean, ElementsAre(6));
  EXPECT_THAT(spec.preprocessing.std, ElementsAre(7, 8));
}

TEST(DataSpecTest, LabelsComeFromOnePlace) {
  v1::DataInput proto;
  EXPECT_EQ(FromProto(proto).labels.kind, LabelKind::kNone);
  proto.mutable_labels()->set_array("y");
  proto.mutable_labels()->set_column(2);
  EXPECT_EQ(FromProto(proto).labels.kind, LabelKind::kArray);
  EXPECT_EQ(FromProto(proto).labels.array, "y");
  EXPECT_EQ(FromProto(proto).labels.column, 2);
  proto.mutable_labels()->set_folder_name(true);
  EXPECT_EQ(FromProto(proto).labels.kind, LabelKind::kFolderName);
  proto.mutable_labels()->set_file_name_prefix(true);
  EXPECT_EQ(FromProto(proto).labels.kind, LabelKind::kFileNamePrefix);
  proto.mutable_labels()->set_file_name_prefix(false);
  EXPECT_EQ(FromProto(proto).labels.kind, LabelKind::kNone);
}

}  // namespace
}  // namespace quantd
