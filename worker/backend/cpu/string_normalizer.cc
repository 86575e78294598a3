// StringNormalizer: drops stop words and changes case.
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "worker/backend/cpu/kernel_table.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class Case { kKeep, kLower, kUpper };

// The simple case mappings of Unicode as the C library has them. The locale is the one that every system has, not the
// machine's, so that equal models give equal results everywhere; the node's own "locale" tells languages apart only for
// special cases such as the Turkish i, which simple mappings do not have.
wint_t Mapped(wint_t c, Case to) {
  static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kUnicode == nullptr) return c;
  return to == Case::kLower ? towlower_l(c, kUnicode) : towupper_l(c, kUnicode);
}

void AppendUtf8(wint_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

// REQUIRES: well-formed UTF-8.
std::string ChangeCase(const std::string& text, Case to) {
  if (to == Case::kKeep) return text;
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    wint_t c = length == 1 ? lead : lead & (0x7f >> length);
    for (size_t k = 1; k < length; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    AppendUtf8(Mapped(c, to), out);
    i += length;
  }
  return out;
}

absl::StatusOr<Case> CaseOf(const std::string& action) {
  if (action == "NONE") return Case::kKeep;
  if (action == "LOWER") return Case::kLower;
  if (action == "UPPER") return Case::kUpper;
  return BadAttribute(absl::StrCat("case_change_action is NONE, LOWER or UPPER"));
}

Maker MakeStringNormalizer(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Case change, CaseOf(context.node.String("case_change_action", "NONE")));
  const bool case_matters = context.node.Int("is_case_sensitive", 0) != 0;
  const Case compared = case_matters ? Case::kKeep : Case::kLower;
  std::set<std::string> stop_words;
  if (const auto it = context.node.attributes.find("stopwords"); it != context.node.attributes.end()) {
    const auto* words = std::get_if<std::vector<std::string>>(&it->second);
    if (words == nullptr) return BadAttribute("stopwords must be a list of strings");
    for (const std::string& word : *words) stop_words.insert(ChangeCase(ToValidUtf8(word), compared));
  }
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.dtype() != DataType::kString) return BadType(x, "string");
    if (x.rank() != 1 && !(x.rank() == 2 && x.dim(0) == 1)) {
      return BadShape(absl::StrCat("StringNormalizer takes [C] or [1,C], not ", ShapeString(x.shape())));
    }
    std::vector<std::string> kept;
    for (int64_t i = 0; i < x.size(); ++i) {
      const std::string& text = x.data<std::string>()[i];
      if (text != ToValidUtf8(text)) {
        return MakeError(absl::StatusCode::kInvalidArgument, "BAD_VALUE", absl::StrCat("string ", i, " is no UTF-8"));
      }
      if (stop_words.count(ChangeCase(text, compared)) == 0) kept.push_back(ChangeCase(text, change));
    }
    if (kept.empty()) kept.emplace_back();  // One empty string, by the definition of the operator.
    Shape shape = x.shape();
    shape.back() = static_cast<int64_t>(kept.size());
    outputs[0] = Tensor::Of<std::string>(shape, kept);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"StringNormalizer", 10, &MakeStringNormalizer, "", Takes::kStrings}};

}  // namespace

std::span<const KernelEntry> StringNormalizerKernels() { return kEntries; }

}  // namespace quantd::cpu
