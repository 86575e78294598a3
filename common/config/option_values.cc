#include "common/config/option_values.h"

#include <arpa/inet.h>

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace quantd {
namespace {

constexpr size_t kQuotedBytesMax = 200;

struct ByteUnit {
  absl::string_view suffix;
  int64_t bytes;
};
// Largest first. The empty suffix matches everything and stands last.
constexpr ByteUnit kByteUnits[] = {{"TiB", int64_t{1} << 40},
                                   {"GiB", int64_t{1} << 30},
                                   {"MiB", int64_t{1} << 20},
                                   {"KiB", int64_t{1} << 10},
                                   {"", 1}};

std::string FormatBytes(int64_t bytes) {
  for (const ByteUnit& unit : kByteUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0) return absl::StrCat(bytes / unit.bytes, unit.suffix);
  }
  return "0";
}

// Digits alone: SimpleAtoi also takes signs and blanks.
bool ParseDigits(absl::string_view text, int64_t& value) {
  return text.find_first_not_of("0123456789") == absl::string_view::npos &&
         absl::SimpleAtoi(text, &value);
}

bool ParseBytes(absl::string_view text, int64_t& bytes) {
  for (const ByteUnit& unit : kByteUnits) {
    absl::string_view number = text;
    if (!absl::ConsumeSuffix(&number, unit.suffix)) continue;
    int64_t count = 0;
    if (!unit.suffix.empty()) number = absl::StripTrailingAsciiWhitespace(number);
    if (!ParseDigits(number, count)) return false;
    return !__builtin_mul_overflow(count, unit.bytes, &bytes);
  }
  return false;
}

bool IsHost(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return false;
    in6_addr ignored;
    return ::inet_pton(AF_INET6, std::string(host).c_str(), &ignored) == 1;
  }
  for (const char c : host) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') {
      return false;
    }
  }
  return !host.empty();
}

absl::Status Wrong(const std::string& text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(QuoteValue(text), " ", problem));
}

template <typename Integer>
OptionValue MakeIntegerValue(std::string hint, Integer* target, Integer minimum, Integer maximum) {
  return {.hint = std::move(hint),
          .default_text = absl::StrCat(*target),
          .set = [=](const std::string& text) {
            Integer value = 0;
            if (!absl::SimpleAtoi(text, &value) || value < minimum || value > maximum) {
              const bool open = maximum == std::numeric_limits<Integer>::max();
              return Wrong(text, open ? absl::StrCat("is not a whole number of at least ", minimum)
                                      : absl::StrCat("is not a whole number from ", minimum, " to ",
                                                     maximum));
            }
            *target = value;
            return absl::OkStatus();
          }};
}

}  // namespace

std::string QuoteValue(absl::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  return absl::StrCat("'", absl::Utf8SafeCEscape(text.substr(0, kQuotedBytesMax)),
                      cut ? "...'" : "'");
}

OptionValue TextValue(std::string hint, std::string* target) {
  return {
      .hint = std::move(hint), .default_text = *target, .set = [target](const std::string& text) {
        if (text.empty()) return absl::InvalidArgumentError("must not be empty");
        *target = text;
        return absl::OkStatus();
      }};
}

OptionValue IntegerValue(std::string hint, int* target, int minimum, int maximum) {
  return MakeIntegerValue(std::move(hint), target, minimum, maximum);
}

OptionValue IntegerValue(std::string hint, int64_t* target, int64_t minimum, int64_t maximum) {
  return MakeIntegerValue(std::move(hint), target, minimum, maximum);
}

OptionValue BytesValue(int64_t* target, int64_t minimum, int64_t maximum) {
  return {
      .hint = "BYTES", .default_text = FormatBytes(*target), .set = [=](const std::string& text) {
        int64_t bytes = 0;
        if (!ParseBytes(text, bytes)) {
          return Wrong(text, "is not a number of bytes; write 1048576, 512MiB or 16GiB");
        }
        if (bytes < minimum || bytes > maximum) {
          return Wrong(text, absl::StrCat("is not from ", FormatBytes(minimum), " to ",
                                          FormatBytes(maximum)));
        }
        *target = bytes;
        return absl::OkStatus();
      }};
}

OptionValue DurationValue(absl::Duration* target, absl::Duration minimum, absl::Duration maximum) {
  return {.hint = "DURATION",
          .default_text = absl::FormatDuration(*target),
          .set = [=](const std::string& text) {
            absl::Duration value;
            if (!absl::ParseDuration(text, &value)) {
              return Wrong(text, "is no duration; write 500ms, 90s, 5m or 1h30m");
            }
            if (value < minimum || value > maximum) {
              return Wrong(text, absl::StrCat("is not from ", absl::FormatDuration(minimum), " to ",
                                              absl::FormatDuration(maximum)));
            }
            *target = value;
            return absl::OkStatus();
          }};
}

OptionValue SwitchValue(bool* target) {
  return {
      .hint = "", .default_text = *target ? "true" : "", .set = [target](const std::string& text) {
        for (const char* word : {"true", "yes", "on", "1"}) {
          if (absl::EqualsIgnoreCase(text, word)) {
            *target = true;
            return absl::OkStatus();
          }
        }
        for (const char* word : {"false", "no", "off", "0"}) {
          if (absl::EqualsIgnoreCase(text, word)) {
            *target = false;
            return absl::OkStatus();
          }
        }
        return Wrong(text, "is neither true nor false");
      }};
}

OptionValue HostPortValue(std::string* target, PortZero port_zero) {
  return {.hint = "HOST:PORT", .default_text = *target, .set = [=](const std::string& text) {
            const size_t colon = text.rfind(':');
            if (colon == std::string::npos || !IsHost(text.substr(0, colon))) {
              return Wrong(text, "is not a host and a port; write localhost:7460 or [::1]:7460");
            }
            int64_t port = 0;
            const int64_t lowest = port_zero == PortZero::kIsRefused ? 1 : 0;
            if (!ParseDigits(text.substr(colon + 1), port) || port < lowest || port > 65535) {
              return Wrong(text,
                           absl::StrCat("does not end with a port from ", lowest, " to 65535"));
            }
            *target = text;
            return absl::OkStatus();
          }};
}

}  // namespace quantd
