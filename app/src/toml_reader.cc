#include "toml_reader.h"

#include <utility>

#include "app/units.h"
#include "nearest_name.h"

namespace bitacora::app {
namespace {

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

// What a person would call the value: the string "four", the number 7, a table.
std::string describe_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return "the string " + in_quotes(text->get());
  if (const auto* number = node.as_integer()) return "the number " + std::to_string(number->get());
  if (const auto* yes = node.as_boolean()) return yes->get() ? "true" : "false";
  if (node.is_floating_point()) return "a number with a fraction";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return "a date or time";
}

std::string either(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += in_quotes(names[i]);
  }
  return text;
}

std::string or_word(std::string_view none) { return none.empty() ? std::string() : ", or " + in_quotes(none); }

}  // namespace

TomlReader::TomlReader(const toml::table& root, const std::string& file, ConfigMistakes& mistakes)
    : file_(file), mistakes_(mistakes), scope_{&root, {}, {}} {}

void TomlReader::mistake(const toml::source_region& where, std::string message) {
  mistakes_.push_back({file_, where.begin.line, where.begin.column, std::move(message)});
}

void TomlReader::expected(std::string_view key, const toml::node& node, std::string_view what,
                          const std::string& here) {
  mistake(node.source(), std::string(key) + " must be " + std::string(what) + "; here it is " + here);
}

const toml::node* TomlReader::take(std::string_view key, Presence presence) {
  scope_.known.emplace_back(key);
  const toml::node* node = scope_.table->get(key);
  if (node == nullptr && presence == Presence::required) {
    mistake(scope_.table->source(),
            scope_.name + " has no " + std::string(key) + "; add " + std::string(key) + " = \"...\" below this line");
  }
  return node;
}

void TomlReader::report_unknown_keys() {
  for (const auto& [key, node] : *scope_.table) {
    const std::string name(key.str());
    if (std::find(scope_.known.begin(), scope_.known.end(), name) != scope_.known.end()) continue;
    std::string message =
        (node.is_table() || node.is_array_of_tables() ? "unknown section " : "unknown option ") + name;
    if (!scope_.name.empty()) message += " in " + scope_.name;
    if (const auto near = nearest_name(name, scope_.known)) {
      message += "; did you mean " + *near + "?";
    } else {
      message += "; remove it, or see config/bitacora.toml for what there is";
    }
    mistake(key.source(), std::move(message));
  }
}

void TomlReader::visit_table(const toml::table& table, std::string name, const std::function<void()>& describe_it) {
  Scope outer = std::exchange(scope_, Scope{&table, std::move(name), {}});
  describe_it();
  report_unknown_keys();
  scope_ = std::move(outer);
}

void TomlReader::section(std::string_view key, const std::function<void()>& describe_it) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  if (const auto* table = node->as_table()) {
    visit_table(*table, "[" + std::string(key) + "]", describe_it);
  } else {
    expected(key, *node, "a section, [" + std::string(key) + "]", describe_value(*node));
  }
}

std::optional<std::size_t> TomlReader::begin_list(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto* array = node->as_array();
  const bool all_tables = array != nullptr && (array->empty() || array->is_homogeneous(toml::node_type::table));
  if (all_tables) return array->size();
  const std::string header = "[[" + std::string(key) + "]]";
  expected(key, *node, "a list of sections, each begun with " + header,
           node->is_table() ? "a single one: double its brackets" : describe_value(*node));
  return std::nullopt;
}

void TomlReader::visit_element(std::string_view key, std::size_t index, const std::function<void()>& describe_it) {
  const toml::node* list = scope_.table->get(key);
  const toml::array* array = list == nullptr ? nullptr : list->as_array();
  const toml::table* table = array == nullptr || index >= array->size() ? nullptr : array->get(index)->as_table();
  if (table != nullptr) visit_table(*table, "[[" + std::string(key) + "]]", describe_it);
}

void TomlReader::text(std::string_view key, std::string& value, const TextOption& option) {
  const toml::node* node = take(key, option.presence);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const bool empty = text != nullptr && text->get().empty();
  if (text == nullptr || (empty && option.empty == Emptiness::refused)) {
    return expected(key, *node, option.expected, text == nullptr ? describe_value(*node) : "empty");
  }
  value = text->get();
  if (!option.check || empty) return;
  if (const auto wrong = option.check(value)) {
    expected(key, *node, option.expected, describe_value(*node) + ": " + *wrong);
  }
}

void TomlReader::text_list(std::string_view key, std::vector<std::string>& value) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto* array = node->as_array();
  if (array == nullptr) return expected(key, *node, "a list of strings, [\"a\", \"b\"]", describe_value(*node));
  value.clear();
  for (const toml::node& entry : *array) {
    const auto* text = entry.as_string();
    if (text != nullptr && !text->get().empty()) {
      value.push_back(text->get());
    } else {
      expected("each entry of " + std::string(key), entry, "a string that is not empty", describe_value(entry));
    }
  }
}

void TomlReader::text_map(std::string_view key, std::map<std::string, std::string>& value) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto* table = node->as_table();
  if (table == nullptr) return expected(key, *node, "a table of strings, { name = \"value\" }", describe_value(*node));
  value.clear();
  for (const auto& [name, entry] : *table) {
    if (const auto* text = entry.as_string()) {
      value.emplace(name.str(), text->get());
    } else {
      expected(std::string(key) + "." + std::string(name.str()), entry, "a string", describe_value(entry));
    }
  }
}

void TomlReader::ratio(std::string_view key, double& value) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto number = node->value<double>();
  if (number && !node->is_string() && *number >= 0 && *number <= 1) {
    value = *number;
  } else {
    expected(key, *node, "a number from 0.0 to 1.0", describe_value(*node));
  }
}

void TomlReader::visit_count(std::string_view key, std::int64_t& value, Bounds bounds) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto* number = node->as_integer();
  if (number != nullptr && number->get() >= bounds.min && number->get() <= bounds.max) {
    value = number->get();
  } else {
    expected(key, *node, "a whole number from " + std::to_string(bounds.min) + " to " + std::to_string(bounds.max),
             describe_value(*node));
  }
}

void TomlReader::visit_bytes(std::string_view key, std::optional<std::int64_t>& value, Bounds bounds,
                             std::string_view none) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  if (text != nullptr && !none.empty() && text->get() == none) {
    value.reset();
    return;
  }
  const auto bytes = text != nullptr ? parse_bytes(text->get()) : node->value_exact<std::int64_t>();
  if (bytes && *bytes >= bounds.min && *bytes <= bounds.max) {
    value = *bytes;
    return;
  }
  const std::string what = "a size from " + format_bytes(bounds.min) + " to " + format_bytes(bounds.max) +
                           ", as in \"64KiB\", \"128MiB\" or \"2GiB\"" + or_word(none);
  expected(key, *node, what, describe_value(*node));
}

void TomlReader::visit_duration(std::string_view key, std::optional<std::chrono::milliseconds>& value, Bounds bounds,
                                std::string_view none) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  if (text != nullptr && !none.empty() && text->get() == none) {
    value.reset();
    return;
  }
  const auto duration = text == nullptr ? std::nullopt : parse_duration(text->get());
  if (duration && duration->count() >= bounds.min && duration->count() <= bounds.max) {
    value = duration;
    return;
  }
  const std::string what = "a duration from " + format_duration(std::chrono::milliseconds(bounds.min)) + " to " +
                           format_duration(std::chrono::milliseconds(bounds.max)) +
                           " with its unit, as in \"7d\", \"1h30m\" or \"500ms\"" + or_word(none);
  expected(key, *node, what, describe_value(*node));
}

void TomlReader::visit_choice(std::string_view key, std::size_t& index, std::span<const std::string_view> names,
                              Presence presence) {
  const toml::node* node = take(key, presence);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const auto found = text == nullptr ? names.end() : std::find(names.begin(), names.end(), text->get());
  if (found != names.end()) {
    index = static_cast<std::size_t>(found - names.begin());
  } else {
    expected(key, *node, either(names), describe_value(*node));
  }
}

void TomlReader::visit_yes_no(std::string_view key, bool& value) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  if (const auto* yes = node->as_boolean()) {
    value = yes->get();
  } else {
    expected(key, *node, "true or false", describe_value(*node));
  }
}

}  // namespace bitacora::app
