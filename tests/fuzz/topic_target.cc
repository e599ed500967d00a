// Matching against the definition, written down without any thought of speed: filter lines, then a topic name.
#include <set>
#include <string>
#include <vector>

#include "bridge/subscription_tree.h"
#include "fuzz/fuzz_target.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

std::vector<std::string> levels_of(std::string_view text) {
  std::vector<std::string> levels(1);
  for (const char c : text) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

using Levels = std::vector<std::string>;
bool match_from(const Levels& filter, std::size_t f, const Levels& name, std::size_t n) {
  if (f == filter.size()) return n == name.size();
  if (filter[f] == "#") return true;
  if (n == name.size()) return false;
  return (filter[f] == "+" || filter[f] == name[n]) && match_from(filter, f + 1, name, n + 1);
}

bool defined_to_match(std::string_view filter, std::string_view name) {
  const bool wildcard_first = filter.starts_with('+') || filter.starts_with('#');
  if (name.starts_with('$') && wildcard_first) return false;
  return match_from(levels_of(filter), 0, levels_of(name), 0);
}

}  // namespace

FUZZ_TARGET(topic) {
  const std::string_view name = input.take_line();
  if (!mqtt::is_valid_topic_name(name)) return;
  SubscriptionTree<std::size_t> tree;
  std::vector<std::string_view> filters;
  std::multiset<std::size_t> expected;
  while (!input.empty()) {
    const std::string_view filter = input.take_line();
    if (!mqtt::is_valid_topic_filter(filter)) continue;
    const bool matches = defined_to_match(filter, name);
    fuzz::must(mqtt::matches(filter, name) == matches, "matches() is the definition");
    if (matches) {
      expected.insert(filters.size());
      for (const std::size_t other : expected) {
        fuzz::must(mqtt::overlap(filter, filters.size() == other ? filter : filters[other]),
                   "filters that match one name overlap");
      }
    }
    tree.insert(filter, filters.size());
    filters.push_back(filter);
  }
  std::multiset<std::size_t> found;
  tree.match(name, [&](std::size_t value) { found.insert(value); });
  fuzz::must(found == expected, "the tree finds what matches");
  for (std::size_t i = 0; i < filters.size(); ++i) fuzz::must(tree.erase(filters[i], i), "what is in can be taken out");
  fuzz::must(tree.size() == 0, "nothing is left");
}

}  // namespace bitacora::bridge
