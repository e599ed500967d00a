#include "toml_printer.h"

#include <fmt/format.h>

#include "app/units.h"
#include "toml_text.h"

namespace bitacora::app {

void TomlPrinter::print(std::string_view key, std::string_view value) {
  out_->append(key).append(" = ").append(value).append("\n");
}

void TomlPrinter::print_section(const std::string& header, const std::function<void()>& describe_it) {
  out_ = &sections_;
  sections_.append("\n").append(header).append("\n");
  describe_it();
  out_ = &root_;
}

void TomlPrinter::section(std::string_view key, const std::function<void()>& describe_it) {
  print_section(fmt::format("[{}]", key), describe_it);
}

std::optional<std::size_t> TomlPrinter::begin_list(std::string_view) { return std::nullopt; }

void TomlPrinter::visit_element(std::string_view key, std::size_t, const std::function<void()>& describe_it) {
  print_section(fmt::format("[[{}]]", key), describe_it);
}

void TomlPrinter::text(std::string_view key, std::string& value, const TextOption&) { print(key, toml_string(value)); }

void TomlPrinter::text_list(std::string_view key, std::vector<std::string>& value) {
  std::string entries;
  for (const std::string& text : value) entries += (entries.empty() ? "" : ", ") + toml_string(text);
  print(key, '[' + entries + ']');
}

void TomlPrinter::text_map(std::string_view key, std::map<std::string, std::string>& value) {
  std::string entries;
  for (const auto& [name, text] : value) {
    entries += fmt::format("{}{} = {}", entries.empty() ? "" : ", ", toml_string(name), toml_string(text));
  }
  print(key, entries.empty() ? "{}" : fmt::format("{{ {} }}", entries));
}

void TomlPrinter::ratio(std::string_view key, double& value) {
  const std::string shortest = fmt::format("{}", value);
  print(key, shortest.find_first_of(".e") == std::string::npos ? shortest + ".0" : shortest);
}

void TomlPrinter::visit_count(std::string_view key, std::int64_t& value, Bounds) { print(key, std::to_string(value)); }

void TomlPrinter::visit_bytes(std::string_view key, std::optional<std::int64_t>& value, Bounds, std::string_view none) {
  print(key, toml_string(value ? format_bytes(*value) : std::string(none)));
}

void TomlPrinter::visit_duration(std::string_view key, std::optional<std::chrono::milliseconds>& value, Bounds,
                                 std::string_view none) {
  print(key, toml_string(value ? format_duration(*value) : std::string(none)));
}

void TomlPrinter::visit_choice(std::string_view key, std::size_t& index, std::span<const std::string_view> names,
                               Presence) {
  print(key, toml_string(names[index]));
}

void TomlPrinter::visit_yes_no(std::string_view key, bool& value) { print(key, value ? "true" : "false"); }

}  // namespace bitacora::app
