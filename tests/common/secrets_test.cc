#include "common/secrets.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace quantd {
namespace {

const std::string kDigits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kSecret = "quantd_01k3zr_" + kDigits;

TEST(WithoutSecrets, NoDigitsOfATokenStay) {
  EXPECT_EQ(WithoutSecrets(kSecret), "quantd_01k3zr_[secret]");
  EXPECT_EQ(WithoutSecrets("no " + kSecret + ": and quantd_embedded-workers_" + kDigits + "\n"),
            "no quantd_01k3zr_[secret]: and quantd_embedded-workers_[secret]\n");
  EXPECT_EQ(WithoutSecrets(kSecret + kSecret), "quantd_01k3zr_[secret]quantd_01k3zr_[secret]");
  EXPECT_EQ(WithoutSecrets("quantd_quantd_01_" + kDigits), "quantd_quantd_01_[secret]");
}

TEST(WithoutSecrets, OneThatWasCutOffIsNoExampleToGuessFrom) {
  for (size_t digits = 0; digits <= kDigits.size(); ++digits) {
    const std::string cut = "quantd_01k3zr_" + kDigits.substr(0, digits);
    EXPECT_EQ(WithoutSecrets(cut), digits < 16 ? cut : "quantd_01k3zr_[secret]") << digits;
    EXPECT_EQ(HoldsSecret(cut), digits >= 16);
  }
}

TEST(WithoutSecrets, OtherTextStaysAsItIs) {
  for (const std::string& text :
       {std::string(), std::string("quantd_"), std::string("quantd_quantd_"), "sha256:" + kDigits,
        "quantd-" + kDigits, "quantd__" + kDigits.substr(0, 15), std::string("quantd_\0_x", 10),
        std::string("quantd_\xff\xfe_0123456789abcdef"),
        std::string("quantd_model_is_fine.onnx")}) {
    EXPECT_EQ(WithoutSecrets(text), text);
    EXPECT_FALSE(HoldsSecret(text));
  }
}

}  // namespace
}  // namespace quantd
