// Arrays as serialized onnx.TensorProto.
#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/hostile/array_rows.h"
#include "tests/hostile/common_rows.h"

namespace quantd::hostile {
namespace {

onnx::TensorProto ValidTensor() {
  onnx::TensorProto tensor;
  tensor.set_name("x");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t extent : {kRows, int64_t{3}, int64_t{8}, int64_t{8}}) tensor.add_dims(extent);
  tensor.set_raw_data(Floats());
  return tensor;
}

std::string TensorOf(const std::vector<int64_t>& dims, int type = onnx::TensorProto::FLOAT) {
  onnx::TensorProto tensor = ValidTensor();
  tensor.set_data_type(type);
  tensor.mutable_dims()->Assign(dims.begin(), dims.end());
  return tensor.SerializeAsString();
}

std::vector<Row> TensorRows() {
  onnx::TensorProto external = ValidTensor();
  external.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* location = external.add_external_data();
  location->set_key("location");
  location->set_value("/etc/passwd");
  onnx::TensorProto text = ValidTensor();
  text.set_data_type(onnx::TensorProto::STRING);
  onnx::TensorProto bad_name = ValidTensor();
  bad_name.set_name("\xff\xfe\x1b[2J");
  std::vector<Variant> types;
  for (const int type : {0, 14, 15, 99, -1, 1 << 30}) {
    types.push_back({absl::StrCat("type ", type), TensorOf({kRows, 3, 8, 8}, type)});
  }
  const int64_t most = INT64_MAX;
  return {
      Several("LengthsOfTwoToThe64",
              {{"dims", TensorOf({most, 3, 8, 8})},
               {"raw_data", std::string("\x4a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11)},
               {"raw_data one past the end", std::string("\x4a\x02x", 3)}},
              {"BAD_DATA"}),
      Several("RawDataOfAnotherSize",
              {{"a row more", TensorOf({kRows + 1, 3, 8, 8})},
               {"a row less", TensorOf({kRows - 1, 3, 8, 8})}},
              {"BAD_DATA"}),
      Several("ShapeOverflow",
              {{"2^64", TensorOf({int64_t{1} << 62, 4})}, {"2^64 + 768", TensorOf({most, 2, 385})}},
              {"BAD_DATA"}),
      Several("ExabyteTensor", {{"floats", TensorOf({int64_t{1} << 58})}}, {"BAD_DATA"}),
      Several("NegativeDimension",
              {{"one", TensorOf({-kRows, 3, 8, 8})}, {"two", TensorOf({-kRows, -3, 8, 8})}},
              {"BAD_DATA"}),
      Large("TooManyAxes",
            [=] {
              return std::vector<Variant>{
                  {"nine", TensorOf(std::vector<int64_t>(9, 1))},
                  {"a million", TensorOf(std::vector<int64_t>(1'000'000, 1))}};
            },
            {"BAD_DATA"}),
      Large("UnknownType", [=] { return types; }, {"BAD_DATA"}),
      Several("StringsWithoutValues", {{"none", text.SerializeAsString()}}, {"BAD_DATA"}),
      Several("ExternalData", {{"of another file", external.SerializeAsString()}}, {"BAD_DATA"}),
      Allowed(Several("BadUtf8Name", {{"name", bad_name.SerializeAsString()}}, {"BAD_DATA"}),
              "the name is a key to bind by, and shown escaped"),
  };
}

}  // namespace

Reader TensorReader() {
  // The tensor is not the last field: a cut between two fields leaves a message of fewer.
  Reader pb = ArrayReader("tensor_pb", "x.pb", ValidTensor().SerializeAsString(),
                          "any number is a number, and an unknown field is skipped", TensorRows());
  for (Row& row : pb.rows) {
    if (row.name == "BytesAfterTheEnd") {
      // Protobuf merges what follows: the dims of the second message are more axes of the first.
      row.reasons.push_back("INPUT_SHAPE_MISMATCH");
    }
  }
  return pb;
}

}  // namespace quantd::hostile
