// Fills the configuration from a parsed TOML file and notes every mistake with its place: unknown keys, wrong types,
// values out of range.
#pragma once

#include <toml++/toml.h>

#include "option_visitor.h"

namespace bitacora::app {

class TomlReader final : public OptionVisitor {
 public:
  // All three outlive the reader; mistakes are added to `mistakes`.
  TomlReader(const toml::table& root, const std::string& file, ConfigMistakes& mistakes);

  // After everything was visited: names the root's keys that nobody asked for.
  void report_unknown_keys();

  void text(std::string_view key, std::string& value, const TextOption& option) override;
  void text_list(std::string_view key, std::vector<std::string>& value) override;
  void text_map(std::string_view key, std::map<std::string, std::string>& value) override;
  void ratio(std::string_view key, double& value) override;
  void section(std::string_view key, const std::function<void()>& describe_it) override;

 private:
  void visit_count(std::string_view key, std::int64_t& value, Bounds bounds) override;
  void visit_bytes(std::string_view key, std::optional<std::int64_t>& value, Bounds bounds,
                   std::string_view none) override;
  void visit_duration(std::string_view key, std::optional<std::chrono::milliseconds>& value, Bounds bounds_ms,
                      std::string_view none) override;
  void visit_choice(std::string_view key, std::size_t& index, std::span<const std::string_view> names,
                    Presence presence) override;
  void visit_yes_no(std::string_view key, bool& value) override;
  std::optional<std::size_t> begin_list(std::string_view key) override;
  void visit_element(std::string_view key, std::size_t index, const std::function<void()>& describe_it) override;

  // The table being read, what it is called in messages, and the keys that the visit asked for.
  struct Scope {
    const toml::table* table;
    std::string name;
    std::vector<std::string> known;
  };
  const toml::node* take(std::string_view key, Presence presence = Presence::optional);
  void visit_table(const toml::table& table, std::string name, const std::function<void()>& describe_it);
  void mistake(const toml::source_region& where, std::string message);
  // `what` it must be, and what is `here` instead.
  void expected(std::string_view key, const toml::node& node, std::string_view what, const std::string& here);

  const std::string& file_;
  ConfigMistakes& mistakes_;
  Scope scope_;
};

}  // namespace bitacora::app
