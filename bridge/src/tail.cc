#include "bridge/tail.h"

#include <algorithm>
#include <charconv>

#include "bridge/message.h"
#include "bridge/topic_search.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

// Takes what stands before `separator` off `rest`; all of it if there is none.
std::string_view take_until(std::string_view& rest, char separator) noexcept {
  const std::size_t at = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return taken;
}

template <class Integer>
std::optional<Integer> parse_number(std::string_view text) noexcept {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

bitacora::Failure<std::string> refuse(std::string_view part) {
  return bitacora::Failure<std::string>(
      "\"" + std::string(part) +
      "\" is no position; it looks like mqtt:0=123,1=456;other:0=9, with the offset of "
      "the next record wanted behind each partition");
}

}  // namespace

void format_positions(std::string& to, std::span<const PartitionPosition> positions) {
  const std::string* log = nullptr;
  for (const PartitionPosition& position : positions) {
    const std::string& name = position.partition->log_name();
    if (log == nullptr || *log != name) {
      if (log != nullptr) to += ';';
      to += name;
      to += ':';
      log = &name;
    } else {
      to += ',';
    }
    char digits[24];
    to.append(digits, std::to_chars(digits, digits + sizeof digits, position.partition->number()).ptr);
    to += '=';
    to.append(digits, std::to_chars(digits, digits + sizeof digits, position.offset).ptr);
  }
}

bitacora::Result<NamedPositions, std::string> parse_positions(std::string_view text) {
  if (text.empty()) return refuse(text);
  NamedPositions positions;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view of_log = take_until(rest, ';');
    const std::string_view log = take_until(of_log, ':');
    if (!storage::check_log_name(log) || of_log.empty()) return refuse(text);
    while (!of_log.empty()) {
      std::string_view pair = take_until(of_log, ',');
      const auto partition = parse_number<std::int32_t>(take_until(pair, '='));
      const auto offset = parse_number<storage::Offset>(pair);
      if (!partition || !offset) return refuse(text);
      positions.push_back({std::string(log), *partition, *offset});
    }
  }
  return positions;
}

Tail::Tail(std::string filter, std::vector<storage::Log*> logs) : filter_(std::move(filter)), logs_(std::move(logs)) {
  cursor_.search_for(search_for_topics(filter_));
}

storage::Result<Tail> Tail::start(std::string filter, std::vector<storage::Log*> logs, const StartPosition& from,
                                  Timestamp now_ms) {
  Tail tail(std::move(filter), std::move(logs));
  for (const storage::Log* log : tail.logs_) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      storage::Partition& partition = log->partition(number);
      const auto offset = resolve(from, partition, now_ms);
      if (!offset) return storage::Failed(offset.error());
      tail.cursor_.add({&partition, *offset});
    }
  }
  return tail;
}

storage::Result<Tail> Tail::resume(std::string filter, std::vector<storage::Log*> logs,
                                   std::span<const NamedPosition> positions) {
  Tail tail(std::move(filter), std::move(logs));
  std::size_t found = 0;
  for (const storage::Log* log : tail.logs_) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      storage::Partition& partition = log->partition(number);
      const auto named = std::find_if(positions.begin(), positions.end(), [&](const NamedPosition& position) {
        return position.log == log->name() && position.partition == number;
      });
      found += named != positions.end() ? 1 : 0;
      tail.cursor_.add({&partition, named != positions.end() ? named->offset : partition.offsets().log_start});
    }
  }
  if (found == positions.size()) return tail;
  return storage::fail(storage::Errc::invalid_argument,
                       "the position names a partition twice, or one that this tail does not read");
}

storage::Result<std::optional<TailRecord>> Tail::next() {
  at_end_ = false;
  for (std::size_t passed_over = 0; passed_over < max_passed_over; ++passed_over) {
    const auto record = cursor_.next();
    if (!record) return storage::Failed(record.error());
    if (!*record) {
      at_end_ = !cursor_.has_gap() && !cursor_.is_searching();
      return std::nullopt;
    }
    const auto topic = MessageDecoder::topic_of((*record)->record);
    if (topic && mqtt::matches(filter_, *topic)) return TailRecord{(*record)->partition, *topic, (*record)->record};
  }
  return std::nullopt;
}

std::optional<Gap> Tail::take_gap() { return cursor_.take_gap(); }

void Tail::add_new_partitions() {
  std::size_t known = 0;
  for (const storage::Log* log : logs_) known += static_cast<std::size_t>(log->partition_count());
  if (known == cursor_.positions().size()) return;
  // Made anew, so that the partitions of a log stand together in the position text.
  std::vector<PartitionPosition> positions;
  for (const storage::Log* log : logs_) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      storage::Partition& partition = log->partition(number);
      const PartitionPosition* position = cursor_.position_of(partition);
      positions.push_back(position ? *position : PartitionPosition{&partition, partition.offsets().log_start});
    }
  }
  cursor_ = Cursor(std::move(positions));
  cursor_.search_for(search_for_topics(filter_));
}

}  // namespace bitacora::bridge
