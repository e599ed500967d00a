// Writes the configuration down as TOML, sections in the order of `describe`.
#pragma once

#include "option_visitor.h"

namespace bitacora::app {

class TomlPrinter final : public OptionVisitor {
 public:
  // Root options first, then the sections: TOML wants it so.
  [[nodiscard]] std::string take() { return std::move(root_) + std::move(sections_); }

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

  void print(std::string_view key, std::string_view value);
  void print_section(const std::string& header, const std::function<void()>& describe_it);

  std::string root_;
  std::string sections_;
  std::string* out_ = &root_;
};

}  // namespace bitacora::app
