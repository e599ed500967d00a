#include "clean_shutdown.h"

#include <sstream>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/endian.h"

namespace bitacora::storage {
namespace {

constexpr std::string_view first_line = "bitacora-clean-shutdown 1\n";
constexpr std::string_view no_timestamp = "-";

std::string checksum_line(std::string_view text) {
  Bytes crc(4);
  store_be(crc.data(), crc32c(as_bytes(text)));
  return "crc32c " + to_hex(crc) + "\n";
}

}  // namespace

std::string format_clean_shutdown(const CleanShutdown& mark) {
  std::string text(first_line);
  for (const auto& [directory, partition] : mark) {
    text += directory + " " + std::to_string(partition.segments) + " " + std::to_string(partition.active_base) + " " +
            std::to_string(partition.active_size) + " " + std::to_string(partition.end) + " ";
    text += partition.max_timestamp ? std::to_string(*partition.max_timestamp) : std::string(no_timestamp);
    text += "\n";
  }
  return text + checksum_line(text);
}

std::optional<CleanShutdown> parse_clean_shutdown(std::string_view text) {
  const std::size_t checksum_size = checksum_line("").size();
  if (!text.starts_with(first_line) || text.size() < first_line.size() + checksum_size) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - checksum_size);
  if (text.substr(body.size()) != checksum_line(body)) return std::nullopt;
  CleanShutdown mark;
  std::istringstream lines{std::string(body.substr(first_line.size()))};
  std::string directory;
  while (lines >> directory) {
    CleanPartition partition;
    std::string timestamp;
    if (!(lines >> partition.segments >> partition.active_base >> partition.active_size >> partition.end >>
          timestamp)) {
      return std::nullopt;
    }
    if (timestamp != no_timestamp) {
      std::istringstream number(timestamp);
      Timestamp value = 0;
      if (!(number >> value)) return std::nullopt;
      partition.max_timestamp = value;
    }
    mark[directory] = partition;
  }
  return mark;
}

}  // namespace bitacora::storage
