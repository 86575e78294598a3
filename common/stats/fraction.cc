#include "common/stats/fraction.h"

#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/error.h"

namespace quantd {
namespace {

constexpr char kInvalidAlpha[] = "INVALID_ALPHA";
// n comes from row counts; 128 bits keep (n + 1) * denominator exact for every int64 n.
using Wide = unsigned __int128;

bool IsLevel(const Fraction& alpha) {
  return alpha.numerator > 0 && alpha.numerator < alpha.denominator;
}

// The digits of "12" or "0.05" and how many of them stand behind the point.
bool ParseDecimal(absl::string_view text, int64_t* digits, int64_t* scale) {
  constexpr int kDigitsMax = 15;  // Keeps digits and scale below 10^15.
  std::string joined;
  *scale = 1;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      joined += c;
      if (point) *scale *= 10;
    } else {
      return false;
    }
    if (joined.size() > kDigitsMax) return false;
  }
  return !joined.empty() && absl::SimpleAtoi(joined, digits);
}

// A decimal with few digits, without trailing zeros.
std::string ShortDecimal(int64_t units, int64_t per_one) {
  std::string text = absl::StrCat(units / per_one, ".");
  int64_t rest = units % per_one;
  for (int64_t place = per_one / 10; place > 0; place /= 10) {
    absl::StrAppend(&text, rest / place);
    rest %= place;
  }
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

absl::StatusOr<Fraction> MakeLevel(int64_t numerator, int64_t denominator,
                                   absl::string_view field) {
  if (numerator <= 0 || denominator <= numerator) {
    return InvalidField(kInvalidAlpha, field,
                        absl::StrCat(numerator, "/", denominator,
                                     " is not a level: it must lie strictly between 0 and 1, for "
                                     "example 1/20"));
  }
  const int64_t divisor = std::gcd(numerator, denominator);
  const Fraction level{numerator / divisor, denominator / divisor};
  if (level.denominator > kFractionDenominatorMax) {
    return InvalidField(
        kInvalidAlpha, field,
        absl::StrCat("the denominator ", denominator, " exceeds ", kFractionDenominatorMax));
  }
  return level;
}

absl::StatusOr<Fraction> ParseLevel(absl::string_view text, absl::string_view field) {
  const std::string shown = absl::StrCat("\"", text.substr(0, 64), "\"");
  const absl::Status malformed =
      InvalidField(kInvalidAlpha, field,
                   absl::StrCat(shown,
                                " is not a level: write a fraction such as 1/20, a decimal such as "
                                "0.05, or 5%"));
  absl::string_view body = absl::StripAsciiWhitespace(text);
  const std::vector<absl::string_view> parts = absl::StrSplit(body, '/');
  if (parts.size() == 2) {
    int64_t numerator = 0;
    int64_t denominator = 0;
    if (!absl::SimpleAtoi(parts[0], &numerator) || !absl::SimpleAtoi(parts[1], &denominator)) {
      return malformed;
    }
    return MakeLevel(numerator, denominator, field);
  }
  const bool percent = absl::ConsumeSuffix(&body, "%");
  int64_t digits = 0;
  int64_t scale = 1;
  if (parts.size() != 1 || !ParseDecimal(body, &digits, &scale)) return malformed;
  return MakeLevel(digits, percent ? scale * 100 : scale, field);
}

std::string FormatFraction(const Fraction& fraction) {
  return absl::StrCat(fraction.numerator, "/", fraction.denominator);
}

std::string CoveragePercent(const Fraction& alpha) {
  QUANTD_CHECK(IsLevel(alpha));
  constexpr int64_t kPerPercent = 10'000;  // Four decimals.
  const Wide kept = static_cast<Wide>(alpha.denominator - alpha.numerator);
  const Wide units = kept * (100 * kPerPercent) / static_cast<Wide>(alpha.denominator);
  return ShortDecimal(static_cast<int64_t>(units), kPerPercent);
}

Fraction DivideLevel(const Fraction& alpha, int64_t parts) {
  QUANTD_CHECK(IsLevel(alpha) && parts >= 1 && parts <= 4);
  const int64_t divisor = std::gcd(alpha.numerator, parts);
  return {alpha.numerator / divisor, alpha.denominator * (parts / divisor)};
}

int64_t UpperRank(int64_t n, const Fraction& alpha) {
  QUANTD_CHECK(n >= 0 && IsLevel(alpha));
  const Wide q = static_cast<Wide>(alpha.denominator);
  const Wide kept = q - static_cast<Wide>(alpha.numerator);
  return static_cast<int64_t>(((static_cast<Wide>(n) + 1) * kept + q - 1) / q);
}

int64_t LowerRank(int64_t n, const Fraction& alpha) {
  QUANTD_CHECK(n >= 0 && IsLevel(alpha));
  const Wide product = (static_cast<Wide>(n) + 1) * static_cast<Wide>(alpha.numerator);
  return static_cast<int64_t>(product / static_cast<Wide>(alpha.denominator));
}

int64_t RequiredSamples(const Fraction& alpha) {
  QUANTD_CHECK(IsLevel(alpha));
  return (alpha.denominator + alpha.numerator - 1) / alpha.numerator - 1;
}

}  // namespace quantd
