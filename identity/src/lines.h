// The lines of a text file, without their ends.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace bitacora::identity {

class Lines {
 public:
  explicit Lines(std::string_view text) noexcept : rest_(text) {}

  // The next line without '\n' and a '\r' before it.
  [[nodiscard]] std::optional<std::string_view> next() noexcept {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view rest_;
};

[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace bitacora::identity
