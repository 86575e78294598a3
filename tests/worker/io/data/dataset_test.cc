#include "worker/io/data/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::Input;
using testing::NamesField;
using testing::Npy;
using testing::Raw;
using testing::StatusIs;
using testing::TestData;
using testing::TestFiles;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string FloatNpy(const std::string& shape, const std::string& data) {
  return Npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}", data);
}
std::string ByteNpy(const std::string& shape, const std::string& data) {
  return Npy("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + "}", data);
}

const std::vector<ValueInfo> kTwoFloats = {Input("x", DataType::kFloat, {-1, 2})};

std::vector<float> Fed(const Dataset& data, const std::string& input, std::vector<int64_t> rows) {
  const auto batch = data.Batch(rows).value();
  const Tensor& t = batch.at(input);
  return std::vector<float>(t.data<float>(), t.data<float>() + t.size());
}

DataSpec ArrayLabels(const std::string& array) {
  DataSpec spec;
  spec.labels = {LabelKind::kArray, array, 0};
  return spec;
}

TEST(DatasetTest, OneArrayFeedsTheOneInputInTheOrderAskedFor) {
  TestFiles files;
  files.Add("a.npy", FloatNpy("(3, 2)", Raw<float>({0, 1, 2, 3, 4, 5})));
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset({}, files.manifest(), kTwoFloats));
  EXPECT_EQ(data->rows(), 3);
  EXPECT_FALSE(data->has_labels());
  EXPECT_EQ(data->description(), "3 rows of a.npy");
  EXPECT_THAT(Fed(*data, "x", {2, 0, 2}), ElementsAre(4, 5, 0, 1, 4, 5));
  const std::vector<int64_t> beyond = {3};
  EXPECT_THAT(data->Batch(beyond), StatusIs(absl::StatusCode::kOutOfRange));
  const std::vector<int64_t> none;
  ASSERT_OK_AND_ASSIGN(const auto empty, data->Batch(none));
  EXPECT_EQ(empty.at("x").shape(), Shape({0, 2}));
}

TEST(DatasetTest, NpzKeysAreInputsByNameOrByBindingAndLabelsByKey) {
  TestFiles files;
  files.AddPath("d.npz", std::string(QUANTD_TEST_DATA) + "/arrays/deflated.npz");
  const std::vector<ValueInfo> inputs = {Input("x", DataType::kFloat, {-1, 3})};
  ASSERT_OK_AND_ASSIGN(auto data, OpenDataset(ArrayLabels("y"), files.manifest(), inputs));
  EXPECT_EQ(data->rows(), 2);
  EXPECT_EQ(data->Label(0), 1);
  EXPECT_EQ(data->Label(1), 0);
  EXPECT_EQ(data->description(), "2 rows of x in d.npz");
  EXPECT_THAT(Fed(*data, "x", {1}), ElementsAre(3, 4, 5));

  DataSpec spec;
  spec.bindings = {{"image", "x"}};
  ASSERT_OK_AND_ASSIGN(
      data, OpenDataset(spec, files.manifest(), {Input("image", DataType::kFloat, {-1, 3})}));
  EXPECT_THAT(Fed(*data, "image", {0}), ElementsAre(0, 1, 2));
}

TEST(DatasetTest, BindingsThatNameNothingAreErrors) {
  TestFiles files;
  files.Add("a.npy", FloatNpy("(1, 2)", Raw<float>({0, 1})))
      .Add("b.npy", FloatNpy("(1, 2)", Raw<float>({0, 1})));
  DataSpec spec;
  spec.bindings = {{"pixels", "a.npy"}};
  const auto unknown = OpenDataset(spec, files.manifest(), kTwoFloats);
  EXPECT_THAT(unknown, HasReason("UNKNOWN_INPUT"));
  EXPECT_THAT(unknown, NamesField("data.bindings[pixels]"));
  EXPECT_THAT(unknown, StatusIs(kInvalid, HasSubstr("'x'")));
  spec.bindings = {{"x", "c.npy"}};
  EXPECT_THAT(OpenDataset(spec, files.manifest(), kTwoFloats), HasReason("UNKNOWN_ARRAY"));
  EXPECT_THAT(OpenDataset({}, files.manifest(), kTwoFloats), HasReason("UNBOUND_INPUT"));
}

TEST(DatasetTest, SeveralInputsNeedEqualRowCounts) {
  TestFiles files;
  files.Add("x.npy", FloatNpy("(2, 2)", Raw<float>({0, 1, 2, 3})))
      .Add("m.npy", FloatNpy("(1,)", Raw<float>({7})));
  const std::vector<ValueInfo> inputs = {kTwoFloats[0], Input("m", DataType::kFloat, {-1})};
  const auto mismatch = OpenDataset({}, files.manifest(), inputs);
  EXPECT_THAT(mismatch, HasReason("ROW_COUNT_MISMATCH"));
  files.Add("m.npy", FloatNpy("(2,)", Raw<float>({7, 8})));
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset({}, files.manifest(), inputs));
  EXPECT_THAT(Fed(*data, "m", {1, 0}), ElementsAre(8, 7));
}

TEST(DatasetTest, NotANumberNamesTheFileAndTheFirstRow) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, inf, -inf}) {
    TestFiles files;
    files.Add("a.npy", FloatNpy("(3, 2)", Raw<float>({0, 1, 2, bad, bad, 5})));
    const auto data = OpenDataset({}, files.manifest(), kTwoFloats);
    EXPECT_THAT(data, HasReason("NOT_FINITE"));
    EXPECT_THAT(data, NamesField("data.files[a.npy]"));
    EXPECT_THAT(data, StatusIs(kInvalid, HasSubstr("row 1")));
  }
}

TEST(DatasetTest, ALabelCountThatDiffersNamesBothNumbers) {
  TestFiles files;
  files.Add("a.npy", FloatNpy("(1, 2)", Raw<float>({0, 1}))).Add("l.csv", "1\n2\n3\n");
  const auto data = OpenDataset(ArrayLabels("l.csv"), files.manifest(), kTwoFloats);
  EXPECT_THAT(data, HasReason("LABEL_COUNT_MISMATCH"));
  EXPECT_THAT(data, NamesField("data.labels"));
  EXPECT_THAT(data, StatusIs(kInvalid, HasSubstr("3 labels for 1 rows")));
  const auto nowhere =
      OpenDataset(ArrayLabels("none.npy"), {*files.manifest().begin()}, kTwoFloats);
  EXPECT_THAT(nowhere, HasReason("UNKNOWN_ARRAY"));
  EXPECT_THAT(nowhere, NamesField("data.labels"));
}

TEST(DatasetTest, RowsThatDoNotFitSayBothShapesAndWhatToDo) {
  TestFiles files;
  files.Add("a.npy", FloatNpy("(1, 2, 2, 3)", std::string(48, '\0')));
  const auto data =
      OpenDataset({}, files.manifest(), {Input("x", DataType::kFloat, {-1, 3, 2, 2})});
  EXPECT_THAT(data, HasReason("INPUT_SHAPE_MISMATCH"));
  EXPECT_THAT(data, NamesField("data.files[a.npy]"));
  EXPECT_THAT(data, StatusIs(kInvalid, AllOf(HasSubstr("[2,2,3]"), HasSubstr("[N,3,2,2]"),
                                             HasSubstr("transpose"))));
}

TEST(DatasetTest, EmptyDataAndEmptyFilesAreErrors) {
  EXPECT_THAT(OpenDataset({}, {}, kTwoFloats), HasReason("EMPTY_DATA"));
  TestFiles no_rows;
  no_rows.Add("a.npy", FloatNpy("(0, 2)", ""));
  EXPECT_THAT(OpenDataset({}, no_rows.manifest(), kTwoFloats), HasReason("EMPTY_DATA"));
  for (const char* name : {"a.npy", "a.npz", "a.pb", "a-ubyte.gz", "a.bin", "a.png"}) {
    for (const char* content : {"", "text"}) {
      TestFiles files;
      files.Add(name, content);
      const auto data = OpenDataset({}, files.manifest(), kTwoFloats);
      EXPECT_THAT(data, HasReason("BAD_DATA")) << name;
      EXPECT_THAT(data, NamesField(std::string("data.files[") + name + "]"));
    }
  }
}

TEST(DatasetTest, BytesBecomeTheModelsTypeAndGainAChannelAxis) {
  TestFiles files;
  files.Add("a.npy", ByteNpy("(1, 2, 2)", Bytes({0, 51, 102, 255})));
  DataSpec spec;
  spec.preprocessing.scale = 1.0 / 255;
  spec.preprocessing.mean = {0.5};
  spec.preprocessing.std = {0.5};
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset(spec, files.manifest(),
                                                    {Input("x", DataType::kFloat, {-1, 1, 2, 2})}));
  const std::vector<int64_t> rows = {0};
  ASSERT_OK_AND_ASSIGN(const auto batch, data->Batch(rows));
  EXPECT_EQ(batch.at("x").shape(), Shape({1, 1, 2, 2}));
  // 51/255 = 0.2, 102/255 = 0.4: (0.2-0.5)/0.5 = -0.6, (0.4-0.5)/0.5 = -0.2.
  EXPECT_THAT(Fed(*data, "x", {0}), ElementsAre(-1.0f, -0.6f, -0.2f, 1.0f));
}

TEST(DatasetTest, ByteArraysOfInterleavedPixelsAreTransposedLikeImages) {
  TestFiles files;
  files.Add("a.npy", ByteNpy("(2, 1, 2, 3)", Bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset({}, files.manifest(),
                                                    {Input("x", DataType::kFloat, {-1, 3, 1, 2})}));
  EXPECT_THAT(Fed(*data, "x", {1}), ElementsAre(7, 10, 8, 11, 9, 12));
}

TEST(DatasetTest, ImagesAreRowsInTheOrderOfTheirNamesAndFoldersAreClasses) {
  TestFiles files;
  files.Add("dog/1.png", TestData("images/rgb.png")).Add("cat/9.png", TestData("images/rgba.png"));
  DataSpec spec;
  spec.labels.kind = LabelKind::kFolderName;
  spec.preprocessing.layout = PixelLayout::kNhwc;
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset(spec, files.manifest(),
                                                    {Input("x", DataType::kFloat, {-1, 2, 2, 3})}));
  EXPECT_EQ(data->rows(), 2);
  EXPECT_EQ(data->Label(0), 0);
  EXPECT_EQ(data->Label(1), 1);
  EXPECT_THAT(data->class_names(), ElementsAre("cat", "dog"));
  EXPECT_THAT(Fed(*data, "x", {1}), ElementsAre(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30));
  EXPECT_EQ(data->description(), "2 rows of images cat/9.png to dog/1.png");
}

TEST(DatasetTest, ADamagedImageFailsTheBatchThatReadsItByName) {
  TestFiles files;
  files.Add("0_a.png", TestData("images/rgb.png"))
      .Add("1_b.png", TestData("images/rgb.png").substr(0, 60));
  files.Add("2_c.png", TestData("images/gray.png"));
  DataSpec spec;
  spec.labels.kind = LabelKind::kFileNamePrefix;
  ASSERT_OK_AND_ASSIGN(
      const auto data,
      OpenDataset(spec, files.manifest(), {Input("x", DataType::kFloat, {-1, 3, -1, -1})}));
  EXPECT_EQ(data->Label(2), 2);
  const std::vector<int64_t> damaged = {1}, other_size = {2};
  EXPECT_THAT(data->Batch(damaged), NamesField("data.files[1_b.png]"));
  EXPECT_THAT(data->Batch(damaged), HasReason("BAD_DATA"));
  EXPECT_THAT(data->Batch(other_size), HasReason("INPUT_SHAPE_MISMATCH"));
}

TEST(DatasetTest, AFileThatIsNoImageAmongImagesIsRefusedByName) {
  TestFiles files;
  files.Add("a.png", TestData("images/rgb.png")).Add("notes.txt", "hello");
  const auto data =
      OpenDataset({}, files.manifest(), {Input("x", DataType::kFloat, {-1, 3, 2, 2})});
  EXPECT_THAT(data, HasReason("BAD_DATA"));
  EXPECT_THAT(data, NamesField("data.files[notes.txt]"));
}

TEST(DatasetTest, OnnxTestFoldersBecomeRows) {
  // dims 1,2; float; raw_data of eight bytes, as in ONNX's own test data.
  const auto proto = [](float a, float b) {
    return Bytes({0x08, 1, 0x08, 2, 0x10, 1, 0x4a, 8}) + Raw<float>({a, b});
  };
  TestFiles files;
  files.Add("test_data_set_1/input_0.pb", proto(3, 4))
      .Add("test_data_set_0/input_0.pb", proto(1, 2));
  files.Add("test_data_set_0/output_0.pb", proto(9, 9));
  ASSERT_OK_AND_ASSIGN(const auto data, OpenDataset({}, files.manifest(), kTwoFloats));
  EXPECT_EQ(data->rows(), 2);
  EXPECT_THAT(Fed(*data, "x", {0, 1}), ElementsAre(1, 2, 3, 4));
}

// The literals come from NumPy over the decompressed files.
TEST(DatasetTest, FashionMnistIsReadAsItsPackageShipsIt) {
  const std::string folder = "/usr/share/datasets/fashion-mnist/";
  const std::string images = "t10k-images-idx3-ubyte.gz", labels = "t10k-labels-idx1-ubyte.gz";
  if (!FileExists(folder + images))
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  const std::map<std::string, std::string> files = {{images, folder + images},
                                                    {labels, folder + labels}};
  DataSpec spec = ArrayLabels(labels);
  const ValueInfo input = Input("image", DataType::kFloat, {-1, 1, 28, 28});
  ASSERT_OK_AND_ASSIGN(auto data, OpenDataset(spec, files, {input}));
  EXPECT_EQ(data->rows(), 10000);
  EXPECT_EQ(data->description(), "10,000 rows of t10k-images-idx3-ubyte.gz");
  const int64_t first_labels[] = {9, 2, 1, 1, 6, 1, 4, 6, 5, 7};
  for (int64_t row = 0; row < 10; ++row) EXPECT_EQ(data->Label(row), first_labels[row]);
  const auto sum = [&data](int64_t row) {
    const std::vector<float> pixels = Fed(*data, "image", {row});
    return std::accumulate(pixels.begin(), pixels.end(), 0.0);
  };
  EXPECT_EQ(sum(0), 33456);
  EXPECT_EQ(sum(1), 100994);
  EXPECT_EQ(sum(9999), 24390);

  // (136/255 - 0.2860) / 0.3530 at row 14, column 13 of the first image; background (0 - 0.286) /
  // 0.353.
  spec.preprocessing.scale = 1.0 / 255;
  spec.preprocessing.mean = {0.2860};
  spec.preprocessing.std = {0.3530};
  ASSERT_OK_AND_ASSIGN(data, OpenDataset(spec, files, {input}));
  const std::vector<float> normalized = Fed(*data, "image", {0});
  EXPECT_FLOAT_EQ(normalized[14 * 28 + 13], 0.700661f);
  EXPECT_FLOAT_EQ(normalized[0], -0.8101983f);
  EXPECT_NEAR(std::accumulate(normalized.begin(), normalized.end(), 0.0), -263.524082, 1e-3);

  EXPECT_THAT(OpenDataset(ArrayLabels(images), files, {input}), HasReason("BAD_LABEL"));
}

}  // namespace
}  // namespace quantd
