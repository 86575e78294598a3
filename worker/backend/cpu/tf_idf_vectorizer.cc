// TfIdfVectorizer: counts n-grams of strings or integers.
#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_table.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class Weighting { kCount, kWeight, kProduct };  // TF, IDF, TFIDF

struct Settings {
  Weighting weighting = Weighting::kCount;
  size_t shortest = 0, longest = 0;   // Lengths of n-grams that are looked for.
  int64_t skips = 0;                  // Up to so many items between two of an n-gram.
  std::vector<int64_t> starts;        // By length - 1: where the pool's n-grams of that length begin.
  std::vector<int64_t> columns;       // One an n-gram of the pool.
  std::vector<float> weights;         // The same; empty: all 1.
  int64_t width = 0;
};

// The pool's n-grams of all lengths, each with its number in pool order.
template <typename Item>
using Pool = std::map<std::vector<Item>, size_t>;

template <typename Item>
absl::StatusOr<Pool<Item>> BuildPool(const Settings& settings, const std::vector<Item>& items) {
  Pool<Item> pool;
  size_t number = 0;
  for (size_t length = 1; length <= settings.starts.size(); ++length) {
    const int64_t begin = settings.starts[length - 1];
    const int64_t end =
        length < settings.starts.size() ? settings.starts[length] : static_cast<int64_t>(items.size());
    if (begin < 0 || begin > end || end > static_cast<int64_t>(items.size()) ||
        (end - begin) % static_cast<int64_t>(length) != 0) {
      return BadAttribute(absl::StrCat("ngram_counts does not cut the pool into whole n-grams of ", length));
    }
    for (auto at = items.begin() + begin; at != items.begin() + end; at += static_cast<std::ptrdiff_t>(length)) {
      pool.emplace(std::vector<Item>(at, at + static_cast<std::ptrdiff_t>(length)), number++);
    }
  }
  if (number != settings.columns.size()) {
    return BadAttribute(absl::StrCat("the pool has ", number, " n-grams and ngram_indexes ", settings.columns.size()));
  }
  return pool;
}

// How often each n-gram of the pool occurs among `count` items. Items of one n-gram are step apart.
template <typename Item, typename Element>
std::map<size_t, int64_t> CountGrams(const Settings& settings, const Pool<Item>& pool, const Element* items,
                                     int64_t count) {
  std::map<size_t, int64_t> found;
  for (size_t length = settings.shortest; length <= settings.longest; ++length) {
    const auto gaps = static_cast<int64_t>(length) - 1;
    // Without gaps all steps are the same one; and no step is longer than the text.
    const int64_t steps = gaps == 0 ? 1 : std::min(settings.skips + 1, count);
    for (int64_t step = 1; step <= steps && gaps * step < count; ++step) {
      for (int64_t start = 0; start + gaps * step < count; ++start) {
        std::vector<Item> gram;
        for (int64_t k = 0; k <= gaps; ++k) gram.push_back(static_cast<Item>(items[start + k * step]));
        if (const auto it = pool.find(gram); it != pool.end()) ++found[it->second];
      }
    }
  }
  return found;
}

template <typename Item, typename Element>
void Vectorize(const Settings& settings, const Pool<Item>& pool, const Tensor& x, Tensor& out) {
  const int64_t rows = x.rank() == 2 ? x.dim(0) : 1;
  const int64_t count = rows == 0 ? 0 : x.size() / rows;
  for (int64_t row = 0; row < rows; ++row) {
    float* y = out.mutable_data<float>() + row * settings.width;
    for (const auto& [number, times] : CountGrams(settings, pool, x.data<Element>() + row * count, count)) {
      const float weight = settings.weights.empty() ? 1.0f : settings.weights[number];
      const auto occurrences = static_cast<float>(times);
      y[settings.columns[number]] += settings.weighting == Weighting::kCount    ? occurrences
                                     : settings.weighting == Weighting::kWeight ? weight
                                                                                : occurrences * weight;
    }
  }
}

template <typename Item>
Maker MakeFrom(Settings settings, const std::vector<Item>& items) {
  ASSIGN_OR_RETURN(Pool<Item> pool, BuildPool(settings, items));
  return MakeKernelFrom([settings = std::move(settings), pool = std::move(pool)](
                            const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.rank() < 1 || x.rank() > 2) {
      return BadShape(absl::StrCat("TfIdfVectorizer takes [C] or [N,C], not ", ShapeString(x.shape())));
    }
    const Shape shape = x.rank() == 2 ? Shape{x.dim(0), settings.width} : Shape{settings.width};
    ASSIGN_OR_RETURN(outputs[0], MakeOutput(DataType::kFloat, shape));
    if constexpr (std::is_same_v<Item, std::string>) {
      if (x.dtype() != DataType::kString) return BadType(x, "string, like the pool,");
      Vectorize<Item, std::string>(settings, pool, x, outputs[0]);
    } else if (x.dtype() == DataType::kInt64) {
      Vectorize<Item, int64_t>(settings, pool, x, outputs[0]);
    } else if (x.dtype() == DataType::kInt32) {
      Vectorize<Item, int32_t>(settings, pool, x, outputs[0]);
    } else {
      return BadType(x, "int32 or int64, like the pool,");
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Settings> ReadSettings(const Node& node) {
  Settings settings;
  const std::string mode = node.String("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF") return BadAttribute("mode is TF, IDF or TFIDF");
  settings.weighting = mode == "TF" ? Weighting::kCount : mode == "IDF" ? Weighting::kWeight : Weighting::kProduct;
  settings.starts = node.Ints("ngram_counts");
  settings.columns = node.Ints("ngram_indexes");
  const int64_t shortest = node.Int("min_gram_length", 0), longest = node.Int("max_gram_length", 0);
  settings.skips = node.Int("max_skip_count", -1);
  if (shortest < 1 || longest < shortest || longest > static_cast<int64_t>(settings.starts.size()) ||
      settings.skips < 0 || settings.skips > kTensorElementsMax) {
    return BadAttribute("the lengths and skips of TfIdfVectorizer are out of range");
  }
  settings.shortest = static_cast<size_t>(shortest);
  settings.longest = static_cast<size_t>(longest);
  if (const auto it = node.attributes.find("weights"); it != node.attributes.end()) {
    const auto* weights = std::get_if<std::vector<float>>(&it->second);
    if (weights == nullptr || weights->size() != settings.columns.size()) {
      return BadAttribute("weights must be as many numbers as ngram_indexes");
    }
    settings.weights = *weights;
  }
  for (const int64_t column : settings.columns) {
    if (column < 0 || column >= kTensorElementsMax) return BadAttribute("ngram_indexes are out of range");
    settings.width = std::max(settings.width, column + 1);
  }
  return settings;
}

Maker MakeTfIdfVectorizer(const KernelContext& context) {
  const Node& node = context.node;
  ASSIGN_OR_RETURN(Settings settings, ReadSettings(node));
  const auto strings = node.attributes.find("pool_strings");
  if (strings == node.attributes.end()) return MakeFrom<int64_t>(std::move(settings), node.Ints("pool_int64s"));
  const auto* words = std::get_if<std::vector<std::string>>(&strings->second);
  if (words == nullptr || node.Has("pool_int64s")) {
    return BadAttribute("the pool is pool_strings or pool_int64s, a list of either");
  }
  return MakeFrom<std::string>(std::move(settings), *words);
}

constexpr KernelEntry kEntries[] = {{"TfIdfVectorizer", 9, &MakeTfIdfVectorizer, "", Takes::kStrings}};

}  // namespace

std::span<const KernelEntry> TfIdfVectorizerKernels() { return kEntries; }

}  // namespace quantd::cpu
