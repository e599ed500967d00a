// The one table of options. `describe` names each option of the configuration once, with its range; who visits it
// decides what happens: TomlReader fills the values from a file, TomlPrinter writes them down.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"

namespace bitacora::app {

struct Bounds {
  std::int64_t min;
  std::int64_t max;
};

enum class Presence : std::uint8_t { optional, required };
enum class Emptiness : std::uint8_t { refused, allowed };

// What is wrong with a text, put so that it reads on after "here it is ...: "; nullopt if nothing is.
using TextCheck = std::function<std::optional<std::string>(const std::string&)>;

struct TextOption {
  std::string_view expected;  // "a topic filter": for messages
  TextCheck check{};
  Presence presence = Presence::optional;
  Emptiness empty = Emptiness::refused;  // allowed: "" is given to no check
};

class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;

  virtual void text(std::string_view key, std::string& value, const TextOption& option) = 0;
  virtual void text_list(std::string_view key, std::vector<std::string>& value) = 0;
  virtual void text_map(std::string_view key, std::map<std::string, std::string>& value) = 0;
  virtual void ratio(std::string_view key, double& value) = 0;  // 0 .. 1
  virtual void section(std::string_view key, const std::function<void()>& describe_it) = 0;

  template <class Integer>
  void count(std::string_view key, Integer& value, Bounds bounds) {
    auto wide = static_cast<std::int64_t>(value);
    visit_count(key, wide, bounds);
    value = static_cast<Integer>(wide);
  }

  template <class Integer>
  void bytes(std::string_view key, Integer& value, Bounds bounds) {
    std::optional<std::int64_t> wide = static_cast<std::int64_t>(value);
    visit_bytes(key, wide, bounds, {});
    value = static_cast<Integer>(*wide);
  }
  // `none` is the word for no value.
  void bytes_or(std::string_view none, std::string_view key, std::optional<std::int64_t>& value, Bounds bounds) {
    visit_bytes(key, value, bounds, none);
  }

  template <class Rep, class Period>
  void duration(std::string_view key, std::chrono::duration<Rep, Period>& value, std::chrono::milliseconds min,
                std::chrono::milliseconds max) {
    std::optional<std::chrono::milliseconds> wide = value;
    visit_duration(key, wide, {min.count(), max.count()}, {});
    value = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(*wide);
  }
  void duration_or(std::string_view none, std::string_view key, std::optional<std::chrono::milliseconds>& value,
                   std::chrono::milliseconds min, std::chrono::milliseconds max) {
    visit_duration(key, value, {min.count(), max.count()}, none);
  }

  // One of `names`; the value of an enum is its name's index.
  template <class Enum>
  void choice(std::string_view key, Enum& value, std::span<const std::string_view> names,
              Presence presence = Presence::optional) {
    auto index = static_cast<std::size_t>(value);
    visit_choice(key, index, names, presence);
    value = static_cast<Enum>(index);
  }
  // true or false, for an enum whose second value means true.
  template <class Enum>
  void yes_no(std::string_view key, Enum& value) {
    bool yes = value == static_cast<Enum>(1);
    visit_yes_no(key, yes);
    value = static_cast<Enum>(yes ? 1 : 0);
  }

  // An array of tables. Where the file has one, it takes the place of the default as a whole.
  template <class Element>
  void list(std::string_view key, std::vector<Element>& elements, const std::function<void(Element&)>& describe_one) {
    if (const auto size = begin_list(key)) elements.assign(*size, Element{});
    for (std::size_t i = 0; i < elements.size(); ++i) {
      visit_element(key, i, [&] { describe_one(elements[i]); });
    }
  }

 private:
  virtual void visit_count(std::string_view key, std::int64_t& value, Bounds bounds) = 0;
  virtual void visit_bytes(std::string_view key, std::optional<std::int64_t>& value, Bounds bounds,
                           std::string_view none) = 0;
  virtual void visit_duration(std::string_view key, std::optional<std::chrono::milliseconds>& value, Bounds bounds_ms,
                              std::string_view none) = 0;
  virtual void visit_choice(std::string_view key, std::size_t& index, std::span<const std::string_view> names,
                            Presence presence) = 0;
  virtual void visit_yes_no(std::string_view key, bool& value) = 0;
  // How many elements the list is to have; nullopt: leave it as it is.
  virtual std::optional<std::size_t> begin_list(std::string_view key) = 0;
  virtual void visit_element(std::string_view key, std::size_t index, const std::function<void()>& describe_it) = 0;
};

void describe(OptionVisitor& visitor, ServerConfig& config);

}  // namespace bitacora::app
