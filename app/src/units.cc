#include "app/units.h"

#include <array>
#include <charconv>
#include <limits>

namespace bitacora::app {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

constexpr std::array<Unit, 5> time_units{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> byte_units{
    {{"TiB", 1LL << 40}, {"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"B", 1}}};

struct Quantity {
  std::int64_t number;
  std::string_view unit;
};

// Takes "<digits><letters>" off the front of `rest`.
std::optional<Quantity> take_quantity(std::string_view& rest) {
  Quantity quantity{};
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), quantity.number);
  if (error != std::errc() || quantity.number < 0) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  const std::size_t unit_size = std::min(rest.find_first_of("0123456789"), rest.size());
  quantity.unit = rest.substr(0, unit_size);
  rest.remove_prefix(unit_size);
  return quantity;
}

// number * size + sum, or nullopt where that is more than 63 bits hold.
std::optional<std::int64_t> add_scaled(std::int64_t sum, std::int64_t number, std::int64_t size) {
  if (number > (std::numeric_limits<std::int64_t>::max() - sum) / size) return std::nullopt;
  return sum + number * size;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty() || text.front() == '-') return std::nullopt;
  std::int64_t sum = 0;
  auto unit = time_units.begin();
  while (!text.empty()) {
    const auto quantity = take_quantity(text);
    if (!quantity) return std::nullopt;
    while (unit != time_units.end() && unit->name != quantity->unit) ++unit;
    if (unit == time_units.end()) return std::nullopt;
    const auto next_sum = add_scaled(sum, quantity->number, unit->size);
    if (!next_sum) return std::nullopt;
    sum = *next_sum;
    ++unit;
  }
  return std::chrono::milliseconds(sum);
}

std::string format_duration(std::chrono::milliseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  for (const auto& unit : time_units) {
    if (rest / unit.size > 0) text.append(std::to_string(rest / unit.size)).append(unit.name);
    rest %= unit.size;
  }
  return text;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto quantity = take_quantity(text);
  if (!quantity || !text.empty()) return std::nullopt;
  if (quantity->unit.empty()) return quantity->number;
  for (const auto& unit : byte_units) {
    if (unit.name == quantity->unit) return add_scaled(0, quantity->number, unit.size);
  }
  return std::nullopt;
}

std::string format_bytes(std::int64_t bytes) {
  for (const auto& unit : byte_units) {
    if (bytes >= unit.size && bytes % unit.size == 0) return std::to_string(bytes / unit.size).append(unit.name);
  }
  return "0B";
}

}  // namespace bitacora::app
