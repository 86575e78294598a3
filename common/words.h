// Words for people: a guess at what was misspelt, and lines of a bounded width. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quantd {

// The candidate nearest to `word`, when it is near enough to be a slip of the fingers; else empty.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

// Breaks text into lines of at most `width` bytes after an indentation of `indent` spaces.
std::string Wrap(absl::string_view text, size_t indent, size_t width);

}  // namespace quantd
