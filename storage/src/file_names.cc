#include "file_names.h"

#include <charconv>

#include "storage/settings.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t stem_digits = 20;

template <class Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
  return value;
}

}  // namespace

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  path += '/';
  path += name;
  return path;
}

std::string segment_stem(Offset base) {
  const std::string digits = std::to_string(base);
  return std::string(stem_digits - digits.size(), '0') + digits;
}

std::optional<Offset> parse_segment_name(std::string_view name, std::string_view suffix) {
  if (name.size() != stem_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return parse_number<Offset>(name.substr(0, stem_digits));
}

std::string partition_directory(std::string_view log, std::int32_t number) {
  return std::string(log) + '-' + std::to_string(number);
}

std::optional<PartitionName> parse_partition_directory(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  const std::optional<std::int32_t> number = parse_number<std::int32_t>(digits);
  const std::string_view log = name.substr(0, dash);
  if (!number || (digits.size() > 1 && digits.front() == '0') || !check_log_name(log)) return std::nullopt;
  return PartitionName{std::string(log), *number};
}

}  // namespace bitacora::storage
