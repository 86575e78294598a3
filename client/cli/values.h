// The small languages inside flag values. Errors are INVALID_ARGUMENT and quote the text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

// "0.05", "1/20" or "5%" as an exact fraction in lowest terms: integers only, no floating point on
// the way. The range is the server's to judge: "0" is 0/1 and "1.5" is 3/2.
absl::StatusOr<v1::Fraction> ParseFraction(absl::string_view text);

// A number, or a quotient of two: "0.5", "1/255".
absl::StatusOr<double> ParseRatio(absl::string_view text);

// "0.485,0.456,0.406"; each entry as ParseRatio takes it.
absl::StatusOr<std::vector<double>> ParseNumbers(absl::string_view text);

// "224x224", or "224" for a square: width and height in pixels, 1 to 65,535.
absl::StatusOr<std::pair<int32_t, int32_t>> ParseSize(absl::string_view text);

// "team=vision": both parts not empty.
absl::StatusOr<std::pair<std::string, std::string>> ParsePair(absl::string_view text);

// `top1_agreement.lower >= 0.98` as the API's message.
absl::StatusOr<v1::Gate> ParseGateMessage(const std::string& text);

// The gate as its text.
std::string FormatGateMessage(const v1::Gate& gate);

}  // namespace quantd
