// Topic filters as a tree of levels: which values are subscribed to a topic name, in time proportional to the levels of
// the name and the wildcards on its way, however many filters there are. Iterative, so that no topic is too deep for
// the stack.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mqtt/topic.h"

namespace bitacora::bridge {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

// Value: small, copyable, comparable; a filter may hold several different values.
template <class Value>
class SubscriptionTree {
 public:
  void insert(std::string_view filter, Value value) {
    Node* node = &root_;
    for (std::string_view rest = filter; rest.data() != nullptr;) {
      const std::string_view level = mqtt::take_level(rest);
      if (level == "#") {
        node->below.push_back(std::move(value));
        ++size_;
        return;
      }
      std::unique_ptr<Node>& child =
          level == "+" ? node->any : node->children.try_emplace(std::string(level)).first->second;
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
    node->here.push_back(std::move(value));
    ++size_;
  }

  // Removes one such value of that filter and what became empty. False if there was none.
  bool erase(std::string_view filter, const Value& value) {
    std::vector<std::pair<Node*, std::string_view>> path;
    Node* node = &root_;
    std::vector<Value>* values = nullptr;
    for (std::string_view rest = filter; rest.data() != nullptr && values == nullptr;) {
      const std::string_view level = mqtt::take_level(rest);
      if (level == "#") {
        values = &node->below;
        break;
      }
      path.emplace_back(node, level);
      node = child_of(*node, level);
      if (node == nullptr) return false;
    }
    if (values == nullptr) values = &node->here;
    const auto found = std::find(values->begin(), values->end(), value);
    if (found == values->end()) return false;
    values->erase(found);
    --size_;
    prune(path);
    return true;
  }

  // Calls sink(value) for each value whose filter matches `name`, in no order.
  template <class Sink>
  void match(std::string_view name, Sink&& sink) const {
    struct Step {
      const Node* node;
      std::string_view rest;
    };
    // Levels are not many (a limit of the connection); each step pushes two at the most.
    std::vector<Step> stack{{&root_, name}};
    const bool hidden = name.starts_with('$');  // no leading wildcard matches it [MQTT-4.7.2-1]
    while (!stack.empty()) {
      auto [node, rest] = stack.back();
      stack.pop_back();
      const bool no_wildcard = hidden && node == &root_;
      if (!no_wildcard) {
        for (const Value& value : node->below) sink(value);
      }
      if (rest.data() == nullptr) {
        for (const Value& value : node->here) sink(value);
        continue;
      }
      const std::string_view level = mqtt::take_level(rest);
      if (node->any && !no_wildcard) stack.push_back({node->any.get(), rest});
      if (const auto child = node->children.find(level); child != node->children.end()) {
        stack.push_back({child->second.get(), rest});
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Node {
    std::unordered_map<std::string, std::unique_ptr<Node>, StringHash, std::equal_to<>> children;
    std::unique_ptr<Node> any;  // '+'
    std::vector<Value> here;    // filters that end in this level
    std::vector<Value> below;   // filters that end in '#' behind this level: it matches this level too
    [[nodiscard]] bool empty() const noexcept { return children.empty() && !any && here.empty() && below.empty(); }
  };

  static Node* child_of(Node& node, std::string_view level) {
    if (level == "+") return node.any.get();
    const auto child = node.children.find(level);
    return child == node.children.end() ? nullptr : child->second.get();
  }

  void prune(std::vector<std::pair<Node*, std::string_view>>& path) {
    for (; !path.empty(); path.pop_back()) {
      auto& [parent, level] = path.back();
      if (!child_of(*parent, level)->empty()) return;
      if (level == "+") {
        parent->any.reset();
      } else {
        parent->children.erase(parent->children.find(level));
      }
    }
  }

  Node root_;
  std::size_t size_ = 0;
};

}  // namespace bitacora::bridge
