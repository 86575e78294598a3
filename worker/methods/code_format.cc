#include "worker/methods/code_format.h"

#include "common/check.h"

namespace quantd {
namespace {

constexpr char kReduceRange[] = "reduce_range";

constexpr ParamSpec kSymmetricParams[] = {
    {.name = kReduceRange, .type = ParamType::kFlag, .min = 0, .max = 1, .initial = 0,
     .summary = "codes -64..64 only, for processors whose 16-bit sums of products would overflow (x86 without VNNI)"}};

}  // namespace

std::span<const ParamSpec> FormatParams(const IntFormat& format) {
  const bool can_reduce = format.symmetric && format.minifloat == nullptr && BitsOf(format.storage) == 8;
  return can_reduce ? std::span<const ParamSpec>(kSymmetricParams) : std::span<const ParamSpec>();
}

IntFormat MakeFormat(const Component& component) {
  const IntFormat* format = FindIntFormat(component.id);
  QUANTD_CHECK(format != nullptr);
  const std::span<const ParamSpec> params = FormatParams(*format);
  if (params.empty() || Params(params, component).Get(kReduceRange) == 0) return *format;
  return format->Reduced();
}

int64_t LowestOpset(const IntFormat& format) {
  if (format.minifloat != nullptr) return 19;
  return BitsOf(format.storage) == 8 ? 13 : 21;
}

}  // namespace quantd
