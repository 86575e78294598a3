#include "worker/io/data/array_binding.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/data_errors.h"

namespace quantd {
namespace {

absl::string_view BaseName(absl::string_view file) {
  const size_t slash = file.rfind('/');
  return slash == absl::string_view::npos ? file : file.substr(slash + 1);
}

// i of "input_<i>.pb", else -1.
int InputNumber(absl::string_view file) {
  absl::string_view number = BaseName(file);
  int i = -1;
  if (!absl::ConsumePrefix(&number, "input_") || !absl::ConsumeSuffix(&number, ".pb")) return -1;
  return absl::SimpleAtoi(number, &i) && i >= 0 ? i : -1;
}

absl::StatusOr<NamedArray> Concatenate(const std::vector<NamedArray>& parts) {
  const NamedArray& first = parts[0];
  Shape shape = first.tensor.shape();
  for (size_t i = 1; i < parts.size(); ++i) {
    const Tensor& next = parts[i].tensor;
    const bool fits = next.dtype() == first.tensor.dtype() && next.rank() == shape.size() &&
                      next.rank() > 0 &&
                      std::equal(shape.begin() + 1, shape.end(), next.shape().begin() + 1);
    if (!fits) {
      return BadData(parts[i].file,
                     absl::StrCat("its type or row shape differs from '", first.file, "'"));
    }
    shape[0] += next.dim(0);
  }
  if (const auto bytes = CheckedArrayBytes(shape, first.tensor.dtype()); !bytes.ok()) {
    return BadData(first.file, bytes.status().message());
  }
  NamedArray joined{first.file, first.key, Tensor(first.tensor.dtype(), shape), first.label};
  char* out = static_cast<char*>(joined.tensor.mutable_raw());
  for (const NamedArray& part : parts) {
    if (part.tensor.bytes() > 0) std::memcpy(out, part.tensor.raw(), part.tensor.bytes());
    out += part.tensor.bytes();
  }
  return joined;
}

// An array that bears the input's name, or is numbered like it.
int FindByName(const std::vector<NamedArray>& arrays, const std::string& input, int number) {
  const auto find = [&arrays](const auto& matches) {
    int found = -1;
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (!matches(arrays[i])) continue;
      if (found >= 0) return -1;
      found = static_cast<int>(i);
    }
    return found;
  };
  const int by_key = find([&input](const NamedArray& a) { return a.key == input; });
  if (by_key >= 0) return by_key;
  const int by_file = find([&input](const NamedArray& a) {
    const absl::string_view base = BaseName(a.file);
    return base.substr(0, base.find('.')) == input;
  });
  if (by_file >= 0) return by_file;
  return find([number](const NamedArray& a) { return InputNumber(a.file) == number; });
}

}  // namespace

absl::Status CheckBindings(const std::map<std::string, std::string>& bindings,
                           const std::vector<ValueInfo>& model_inputs) {
  for (const auto& [input, array] : bindings) {
    const bool known =
        std::any_of(model_inputs.begin(), model_inputs.end(),
                    [&name = input](const ValueInfo& info) { return info.name == name; });
    if (!known) return UnknownInput(input, model_inputs);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedArray>> JoinFolders(std::vector<NamedArray> arrays) {
  std::map<int, std::vector<NamedArray>> numbered;
  std::vector<NamedArray> result;
  for (NamedArray& array : arrays) {
    const int number = InputNumber(array.file);
    if (number >= 0) {
      numbered[number].push_back(std::move(array));
    } else {
      result.push_back(std::move(array));
    }
  }
  for (auto& [number, parts] : numbered) {
    if (parts.size() == 1) {
      result.push_back(std::move(parts[0]));
      continue;
    }
    ASSIGN_OR_RETURN(NamedArray joined, Concatenate(parts));
    result.push_back(std::move(joined));
  }
  return result;
}

int FindArray(const std::vector<NamedArray>& arrays, const std::string& name) {
  int found = -1;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const NamedArray& array = arrays[i];
    if (array.label != name && absl::StrCat(array.file, ":", array.key) != name) continue;
    if (found >= 0) return -1;
    found = static_cast<int>(i);
  }
  return found;
}

absl::StatusOr<std::vector<int>> BindArrays(const std::map<std::string, std::string>& bindings,
                                            const std::vector<ValueInfo>& model_inputs,
                                            const std::vector<NamedArray>& arrays) {
  std::vector<int> positions;
  for (size_t i = 0; i < model_inputs.size(); ++i) {
    const std::string& input = model_inputs[i].name;
    const auto binding = bindings.find(input);
    int position = -1;
    if (binding != bindings.end() && !binding->second.empty()) {
      position = FindArray(arrays, binding->second);
      if (position < 0) {
        return UnknownArray(absl::StrCat("data.bindings[", input, "]"), binding->second,
                            ArrayLabels(arrays));
      }
    } else if (model_inputs.size() == 1 && arrays.size() == 1) {
      position = 0;
    } else {
      position = FindByName(arrays, input, static_cast<int>(i));
      if (position < 0) return UnboundInput(input, ArrayLabels(arrays));
    }
    positions.push_back(position);
  }
  return positions;
}

std::vector<std::string> ArrayLabels(const std::vector<NamedArray>& arrays) {
  std::vector<std::string> labels;
  for (const NamedArray& array : arrays) labels.push_back(array.label);
  return labels;
}

}  // namespace quantd
