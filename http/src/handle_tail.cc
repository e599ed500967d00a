// GET /tail: what an MQTT filter matches, from anywhere in the log into what is published now, as server-sent events.
//
//   id: mqtt:0=124,1=456           where a reader that has had this event goes on
//   data: {"topic":"mqtt",...}     the record, as GET .../records shows it
//
//   event: gap                     records that retention or damage took from this reader
//   data: {"topic":"mqtt","partition":0,"from_offset":3,"to_offset":9,"cause":"retention"}
//
//   : alive                        a comment, when nothing else was sent for a while
#include <algorithm>
#include <boost/asio/awaitable.hpp>

#include "bridge/start_position.h"
#include "bridge/tail.h"
#include "caller.h"
#include "handlers.h"
#include "json_text.h"
#include "mqtt/topic.h"
#include "parameters.h"
#include "record_json.h"
#include "turn.h"

namespace bitacora::http {
namespace {

// One write to the socket gathers about this much.
constexpr std::size_t write_bytes = 64 << 10;

// `log=a,b`, or every log that is not the server's own.
Parsed<std::vector<storage::Log*>> logs_of(Door& door, const Request& request) {
  const std::string* names = request.parameter("log");
  if (names == nullptr) return door.service.logs(bridge::InternalLogs::hidden);
  std::vector<storage::Log*> logs;
  for (std::string_view rest = *names; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const auto log = door.service.find_log(rest.substr(0, comma));
    if (!log) return Refused(error_answer(404, topic_not_found, log.error().message));
    if (!request.caller->may_see(**log)) return Refused(forbidden(door, "administer log/" + (*log)->name()));
    if (std::find(logs.begin(), logs.end(), *log) == logs.end()) logs.push_back(*log);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (logs.empty()) return Refused(error_answer(400, "log must name a log, or several with commas between them"));
  return logs;
}

Parsed<bridge::Tail> start_tail(Door& door, const Request& request) {
  const std::string* filter = request.parameter("filter");
  const std::string shown = filter != nullptr ? *filter : "#";
  if (!mqtt::is_valid_topic_filter(shown)) {
    return Refused(error_answer(400, "filter \"" + shown +
                                         "\" is no MQTT topic filter: + must stand alone in a level, # "
                                         "alone in the last one (write # as %23 in a URL)"));
  }
  auto logs = logs_of(door, request);
  if (!logs) return Refused(logs.error());
  const bool own_logs = std::ranges::any_of(*logs, [](const storage::Log* log) { return log->is_internal(); });
  if (!own_logs && !request.caller->may_ask_for(identity::Action::replay, shown)) {
    return Refused(forbidden(door, "replay what \"" + shown + "\" matches"));
  }

  const auto as_tail = [](storage::Result<bridge::Tail> tail) -> Parsed<bridge::Tail> {
    if (!tail) return Refused(error_answer(tail.error()));
    return std::move(*tail);
  };
  if (!request.last_event_id.empty()) {
    const auto positions = bridge::parse_positions(request.last_event_id);
    if (!positions) return Refused(error_answer(400, "Last-Event-ID: " + positions.error()));
    return as_tail(bridge::Tail::resume(shown, std::move(*logs), *positions));
  }
  const std::string* text = request.parameter("from");
  const auto from = bridge::parse_start_position(text != nullptr ? std::string_view(*text) : "latest");
  if (!from) return Refused(error_answer(400, "from: " + from.error()));
  return as_tail(bridge::Tail::start(shown, std::move(*logs), *from, door.now_ms()));
}

// Writes a tail's records and gaps as events.
class EventWriter {
 public:
  explicit EventWriter(EmbeddedFormat format) : format_(format) {}

  void record(std::string& to, const bridge::TailRecord& record, const bridge::Tail& tail) {
    position(to, tail);
    to += "data: ";
    json_of(*record.partition).append(to, record.record);
    to += "\n\n";
  }
  void gap(std::string& to, const bridge::Gap& gap, const bridge::Tail& tail) {
    position(to, tail);
    to += "event: gap\ndata: ";
    JsonWriter json(to);
    json.begin_object();
    json.name("topic").string(gap.partition->log_name());
    json.name("partition").number(gap.partition->number());
    json.name("from_offset").number(gap.offsets.begin);
    json.name("to_offset").number(gap.offsets.end);
    json.name("cause").string(gap.cause == bridge::Gap::Cause::retention ? "retention" : "damage");
    json.end_object();
    to += "\n\n";
  }

 private:
  static void position(std::string& to, const bridge::Tail& tail) {
    to += "id: ";
    bridge::format_positions(to, tail.positions());
    to += '\n';
  }
  const RecordJson& json_of(const storage::Partition& partition) {
    const auto found = json_.find(&partition);
    if (found != json_.end()) return found->second;
    return json_.emplace(&partition, RecordJson(format_, partition.log_name(), partition.number())).first->second;
  }

  EmbeddedFormat format_;
  std::unordered_map<const storage::Partition*, RecordJson> json_;
};

void count_gap(bridge::BrokerMetrics& metrics, const bridge::Gap& gap) {
  const auto records = static_cast<std::uint64_t>(gap.offsets.end - gap.offsets.begin);
  (gap.cause == bridge::Gap::Cause::retention ? metrics.records_skipped_retention : metrics.records_skipped_damage)
      .add(records);
}

// Appends events until enough is there to be written, or nothing is left, or a turn's work is done. Records that the
// caller may not read are passed over like those that the filter does not match.
storage::Result<> gather(Door& door, Caller& caller, bridge::Tail& tail, EventWriter& writer, std::string& events) {
  for (std::size_t hidden = 0; events.size() < write_bytes && hidden < bridge::Tail::max_passed_over;) {
    const auto record = tail.next();
    if (!record) return storage::Failed(record.error());
    if (*record && !caller.may_read(*(*record)->partition, (*record)->record)) {
      ++hidden;
    } else if (*record) {
      writer.record(events, **record, tail);
    } else if (const auto gap = tail.take_gap()) {
      count_gap(door.metrics, *gap);
      writer.gap(events, *gap, tail);
    } else {
      return {};
    }
  }
  return {};
}

}  // namespace

asio::awaitable<std::optional<Answer>> get_tail(Door& door, const Request& request, EventStream& stream) {
  const auto format = format_of_answer(request, EmbeddedFormat::text);
  if (!format) co_return format.error();
  auto tail = start_tail(door, request);
  if (!tail) co_return tail.error();

  EventWriter writer(*format);
  // The first write says how long to wait before coming back, and shows the client that it is connected.
  std::string events = "retry: 1000\n\n";
  Caller& caller = *request.caller;
  while (!door.closing()) {
    const auto gathered = caller.believed() ? gather(door, caller, *tail, writer, events) : storage::Result<>();
    if (!gathered || !caller.believed()) {
      // The events gathered so far are whole; the client comes back with the id of the last one.
      const Answer why = gathered ? no_longer_believed() : error_answer(gathered.error());
      events += "event: error\ndata: " + why.body + "\n\n";
      co_await stream.write(events);
      co_return std::nullopt;
    }
    if (!events.empty()) {
      const bool taken = co_await stream.write(events);
      if (!taken) co_return std::nullopt;
      events.clear();
      continue;
    }
    if (!tail->at_end()) {  // a turn's work is done: others have theirs
      co_await next_turn();
      continue;
    }
    tail->release_chunk();
    const bool woken = co_await door.wait(tail->positions(), door.settings.tail_heartbeat);
    if (woken) {
      tail->add_new_partitions();
    } else {
      events = ": alive\n\n";
    }
  }
  co_return std::nullopt;
}

}  // namespace bitacora::http
