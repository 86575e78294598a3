// Included before everything else where a build with the thread sanitizer uses protobuf. There the header of map fields
// gives them one more member, but the distribution's library was built without it: the two would disagree about every
// message with a map. So this header reads it as the library did.
#pragma once

// The standard library's headers must see the sanitizer.
#include <atomic>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
