#include "bridge/start_position.h"

#include <charconv>
#include <limits>
#include <optional>

namespace bitacora::bridge {
namespace {

using ParsedTime = bitacora::Result<StartPosition, std::string>;

bitacora::Failure<std::string> refuse(std::string_view text, std::string_view why) {
  std::string message = "\"";
  message.append(text).append("\" is no place to start: ").append(why);
  message.append(
      "; write earliest, latest, an offset (1234), a time ago (-90s, -15m, -1h, -7d) or a time "
      "(@2026-11-23T08:00:00Z or @1700000000000, ms since the epoch)");
  return bitacora::Failure<std::string>(std::move(message));
}

// All of `digits` as a number: nullopt if anything but digits is there, or if it does not fit.
std::optional<std::int64_t> parse_digits(std::string_view digits) noexcept {
  if (digits.empty() || digits.front() == '-') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> unit_of(char letter) noexcept {
  using namespace std::chrono;
  switch (letter) {
    case 's': return seconds(1);
    case 'm': return minutes(1);
    case 'h': return hours(1);
    case 'd': return hours(24);
    default: return std::nullopt;
  }
}

ParsedTime parse_time_ago(std::string_view text) {
  const auto unit = unit_of(text.back());
  if (!unit) return refuse(text, "a time ago ends in s, m, h or d");
  const auto count = parse_digits(text.substr(1, text.size() - 2));
  if (!count) return refuse(text, "there must be a whole number between - and the unit");
  if (*count > std::numeric_limits<std::int64_t>::max() / 4 / unit->count())
    return refuse(text, "that is too long ago");
  return StartPosition(TimeAgo{*unit * *count});
}

// Takes exactly `width` digits off the front of `rest`.
std::optional<int> take_number(std::string_view& rest, std::size_t width) noexcept {
  if (rest.size() < width) return std::nullopt;
  const auto value = parse_digits(rest.substr(0, width));
  if (value) rest.remove_prefix(width);
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

bool take(std::string_view& rest, char expected) noexcept {
  if (rest.empty() || rest.front() != expected) return false;
  rest.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& rest) noexcept {
  const auto year = take_number(rest, 4);
  if (!year || !take(rest, '-')) return std::nullopt;
  const auto month = take_number(rest, 2);
  if (!month || !take(rest, '-')) return std::nullopt;
  const auto day = take_number(rest, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

// Milliseconds of ".5" or ".123456"; 0 where there is no fraction. Digits past the third are looked at and dropped.
std::optional<int> take_fraction_ms(std::string_view& rest) noexcept {
  if (!take(rest, '.')) return 0;
  int value = 0;
  std::size_t digits = 0;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), ++digits) {
    if (digits < 3) value = value * 10 + (rest.front() - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 3; ++digits) value *= 10;
  return value;
}

std::optional<std::chrono::milliseconds> take_time_of_day(std::string_view& rest) noexcept {
  const auto hour = take_number(rest, 2);
  if (!hour || *hour > 23 || !take(rest, ':')) return std::nullopt;
  const auto minute = take_number(rest, 2);
  if (!minute || *minute > 59 || !take(rest, ':')) return std::nullopt;
  const auto second = take_number(rest, 2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second, which is the next minute's first
  const auto fraction = take_fraction_ms(rest);
  if (!fraction) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
         std::chrono::milliseconds(*fraction);
}

// Zone: "Z", "+hh:mm", "-hh:mm" or nothing, which is UTC. Anything left over afterwards is the caller's to refuse.
std::optional<std::chrono::minutes> take_zone(std::string_view& rest) noexcept {
  if (rest.empty() || take(rest, 'Z') || take(rest, 'z')) return std::chrono::minutes(0);
  const int sign = rest.front() == '-' ? -1 : 1;
  if (!take(rest, '+') && !take(rest, '-')) return std::nullopt;
  const auto hours = take_number(rest, 2);
  if (!hours || *hours > 23 || !take(rest, ':')) return std::nullopt;
  const auto minutes = take_number(rest, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

std::optional<Timestamp> parse_rfc3339(std::string_view rest) noexcept {
  const auto date = take_date(rest);
  if (!date || (!take(rest, 'T') && !take(rest, 't') && !take(rest, ' '))) return std::nullopt;
  const auto time = take_time_of_day(rest);
  if (!time) return std::nullopt;
  const auto zone = take_zone(rest);
  if (!zone || !rest.empty()) return std::nullopt;
  const std::chrono::sys_time<std::chrono::milliseconds> instant = *date + *time - *zone;
  return instant.time_since_epoch().count();
}

ParsedTime parse_time(std::string_view text) {
  const std::string_view time = text.substr(1);
  if (const auto milliseconds = parse_digits(time)) return StartPosition(AtTime{*milliseconds});
  if (const auto timestamp = parse_rfc3339(time)) return StartPosition(AtTime{*timestamp});
  return refuse(text, "the time behind @ cannot be read");
}

storage::Result<storage::Offset> first_at_or_after(Timestamp timestamp, const storage::Partition& partition) {
  // Taken before the search: a record committed meanwhile may be as new as `timestamp` and must not be passed over.
  const storage::Offset committed = partition.offsets().committed;
  auto found = partition.find_time(timestamp);
  if (!found) return storage::Failed(std::move(found.error()));
  return *found ? (*found)->offset : committed;
}

}  // namespace

bitacora::Result<StartPosition, std::string> parse_start_position(std::string_view text) {
  if (text.empty()) return refuse(text, "it is empty");
  if (text == "earliest") return StartPosition(Earliest{});
  if (text == "latest") return StartPosition(Latest{});
  if (text.front() == '-') return parse_time_ago(text);
  if (text.front() == '@') return parse_time(text);
  if (const auto offset = parse_digits(text)) return StartPosition(AtOffset{*offset});
  return refuse(text, "it is neither a word, an offset nor a time");
}

storage::Result<storage::Offset> resolve(const StartPosition& from, const storage::Partition& partition,
                                         Timestamp now_ms) {
  if (std::holds_alternative<Earliest>(from)) return partition.offsets().log_start;
  if (std::holds_alternative<Latest>(from)) return partition.offsets().committed;
  if (const auto* at = std::get_if<AtOffset>(&from)) return at->offset;
  if (const auto* at = std::get_if<AtTime>(&from)) return first_at_or_after(at->timestamp, partition);
  return first_at_or_after(now_ms - std::get<TimeAgo>(from).ago.count(), partition);
}

}  // namespace bitacora::bridge
