// How to take back the changes of one transaction. Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace quantd {

class UndoLog {
 public:
  // Remembers the entry of `key`, or that there is none. Called before it changes; `map` outlives
  // the log.
  template <typename Map>
  void BeforeChange(Map& map, const typename Map::key_type& key) {
    std::optional<typename Map::mapped_type> old;
    if (const auto found = map.find(key); found != map.end()) old = found->second;
    steps_.push_back([&map, key, old] {
      if (old) {
        map.insert_or_assign(key, *old);
      } else {
        map.erase(key);
      }
    });
  }

  // The same for a single value.
  template <typename Value>
  void BeforeChangeOf(Value& value) {
    steps_.push_back([&value, old = value] { value = old; });
  }

  // Takes everything back, the latest change first.
  void Rollback() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
    steps_.clear();
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace quantd
