#include "storage/settings.h"

#include <algorithm>
#include <limits>

namespace bitacora::storage {
namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t max_file_bytes = std::numeric_limits<std::int32_t>::max();  // positions in an index are 32 bits

struct Bounded {
  const char* setting;
  std::int64_t value;
  std::int64_t least;
  std::int64_t most = no_limit;
};

Result<> check_bounds(const Bounded& bounded) {
  if (bounded.value >= bounded.least && bounded.value <= bounded.most) return {};
  std::string message = std::string(bounded.setting) + " is " + std::to_string(bounded.value) + "; it must be ";
  if (bounded.most == no_limit) {
    message += "at least " + std::to_string(bounded.least);
  } else {
    message += "from " + std::to_string(bounded.least) + " to " + std::to_string(bounded.most);
  }
  return fail(Errc::invalid_argument, std::move(message));
}

bool is_log_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// A name in an error message: short, and without what would break a terminal or a log line.
std::string printable(std::string_view name) {
  constexpr std::size_t shown = 64;
  std::string text(name.substr(0, shown));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return name.size() > shown ? text + "..." : text;
}

}  // namespace

std::string_view name_of(Durability durability) noexcept {
  switch (durability) {
    case Durability::sync: return "sync";
    case Durability::async: return "async";
    case Durability::memory: return "memory";
  }
  return "unknown";
}

std::string_view name_of(Cleanup cleanup) noexcept {
  switch (cleanup) {
    case Cleanup::remove: return "delete";
    case Cleanup::compact: return "compact";
  }
  return "unknown";
}

std::optional<Durability> parse_durability(std::string_view text) noexcept {
  for (const Durability durability : {Durability::sync, Durability::async, Durability::memory}) {
    if (name_of(durability) == text) return durability;
  }
  return std::nullopt;
}

std::optional<Cleanup> parse_cleanup(std::string_view text) noexcept {
  for (const Cleanup cleanup : {Cleanup::remove, Cleanup::compact}) {
    if (name_of(cleanup) == text) return cleanup;
  }
  return std::nullopt;
}

Result<> check(const LogSettings& settings) {
  const Bounded bounds[] = {
      {"partitions", settings.partitions, 1, 1024},
      {"segment_bytes", settings.segment_bytes, 1024, max_file_bytes},
      {"segment_age (ms)", settings.segment_age.count(), 1},
      {"retention_bytes", settings.retention_bytes.value_or(0), 0},
      {"retention_time (ms)", settings.retention_time ? settings.retention_time->count() : 0, 0},
      {"max_batch_bytes", settings.max_batch_bytes, 128, max_file_bytes},
      {"flush_interval (ms)", settings.flush_interval.count(), 1},
      {"memory_bytes", settings.memory_bytes, 1024},
      {"delete_retention (ms)", settings.delete_retention.count(), 0},
  };
  for (const Bounded& bounded : bounds) {
    if (auto checked = check_bounds(bounded); !checked) return checked;
  }
  // Written so that NaN fails.
  if (!(settings.min_cleanable_ratio >= 0 && settings.min_cleanable_ratio <= 1)) {
    return fail(Errc::invalid_argument,
                "min_cleanable_ratio is " + std::to_string(settings.min_cleanable_ratio) + "; it must be from 0 to 1");
  }
  return {};
}

Result<> check_log_name(std::string_view name) {
  constexpr std::size_t max_size = 249;
  if (name.empty()) return fail(Errc::invalid_argument, "a log's name must not be empty");
  if (name.size() > max_size) {
    return fail(Errc::invalid_argument, "the log name '" + printable(name) + "' has " + std::to_string(name.size()) +
                                            " characters; at most " + std::to_string(max_size) + " are allowed");
  }
  if (name == "." || name == "..") {
    return fail(Errc::invalid_argument, "a log must not be named '" + std::string(name) + "'");
  }
  if (!std::ranges::all_of(name, is_log_name_character)) {
    return fail(Errc::invalid_argument,
                "the log name '" + printable(name) +
                    "' has a character outside a-z A-Z 0-9 . _ - (Kafka's rule for topic names)");
  }
  return {};
}

}  // namespace bitacora::storage
