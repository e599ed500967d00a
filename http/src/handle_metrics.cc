// GET /metrics: Prometheus' text format.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>

#include "caller.h"
#include "handlers.h"

namespace bitacora::http {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

struct BrokerMetric {
  const char* name;
  const char* help;
  MetricType type;
  bridge::Counter bridge::BrokerMetrics::*counter;
};

using Broker = bridge::BrokerMetrics;
constexpr auto gauge = MetricType::Gauge;
constexpr auto total = MetricType::Counter;
constexpr std::array broker_metrics{
    BrokerMetric{"bitacora_connections", "MQTT connections that are open.", gauge, &Broker::connections},
    BrokerMetric{"bitacora_sessions", "MQTT sessions, connected or kept.", gauge, &Broker::sessions},
    BrokerMetric{"bitacora_sessions_connected", "MQTT sessions whose client is connected.", gauge,
                 &Broker::sessions_connected},
    BrokerMetric{"bitacora_subscriptions", "Subscriptions of all sessions.", gauge, &Broker::subscriptions},
    BrokerMetric{"bitacora_retained_messages", "Topics with a retained message.", gauge, &Broker::retained_messages},
    BrokerMetric{"bitacora_sessions_behind",
                 "Connected sessions that read from the log because they are slow or catching up.", gauge,
                 &Broker::sessions_behind},
    BrokerMetric{"bitacora_groups", "Groups of MQTT clients, $share and $group, that have members.", gauge,
                 &Broker::groups},
    BrokerMetric{"bitacora_group_members", "Members of these groups, online and offline.", gauge,
                 &Broker::group_members},
    BrokerMetric{"bitacora_connections_opened_total", "MQTT connections opened.", total, &Broker::connections_opened},
    BrokerMetric{"bitacora_packets_received_total", "MQTT packets of every type received.", total,
                 &Broker::packets_received},
    BrokerMetric{"bitacora_packets_sent_total", "MQTT packets of every type sent.", total, &Broker::packets_sent},
    BrokerMetric{"bitacora_received_bytes_total", "Bytes of MQTT received, without TLS and WebSocket around them.",
                 total, &Broker::bytes_received},
    BrokerMetric{"bitacora_sent_bytes_total", "Bytes of MQTT sent, without TLS and WebSocket around them.", total,
                 &Broker::bytes_sent},
    BrokerMetric{"bitacora_connects_accepted_total", "CONNECT packets answered with success.", total,
                 &Broker::connects_accepted},
    BrokerMetric{"bitacora_connects_refused_total", "CONNECT packets answered with an error.", total,
                 &Broker::connects_refused},
    BrokerMetric{"bitacora_publishes_received_total", "PUBLISH packets received.", total, &Broker::publishes_received},
    BrokerMetric{"bitacora_publish_received_bytes_total", "Payload bytes of the PUBLISH packets received.", total,
                 &Broker::publish_bytes_received},
    BrokerMetric{"bitacora_publishes_acknowledged_total", "PUBACK and PUBREC packets sent with success.", total,
                 &Broker::publishes_acknowledged},
    BrokerMetric{"bitacora_publishes_refused_total", "Publishes answered with an error, or by closing the connection.",
                 total, &Broker::publishes_refused},
    BrokerMetric{"bitacora_deliveries_total", "PUBLISH packets sent.", total, &Broker::deliveries},
    BrokerMetric{"bitacora_delivered_bytes_total", "Payload bytes of the PUBLISH packets sent.", total,
                 &Broker::delivery_bytes},
    BrokerMetric{"bitacora_deliveries_repeated_total", "PUBLISH packets sent again after a reconnect.", total,
                 &Broker::deliveries_repeated},
    BrokerMetric{"bitacora_deliveries_too_large_total",
                 "Messages not delivered because they are over the client's Maximum Packet Size.", total,
                 &Broker::deliveries_dropped_too_large},
    BrokerMetric{"bitacora_deliveries_expired_total", "Messages not delivered because they had expired.", total,
                 &Broker::deliveries_expired},
    BrokerMetric{"bitacora_records_skipped_retention_total",
                 "Records that a reader wanted and retention had removed before.", total,
                 &Broker::records_skipped_retention},
    BrokerMetric{"bitacora_records_skipped_damage_total", "Records that a reader wanted and that are damaged on disk.",
                 total, &Broker::records_skipped_damage},
    BrokerMetric{"bitacora_left_live_path_total", "Times a slow subscriber went over to reading the log.", total,
                 &Broker::left_live_path},
    BrokerMetric{"bitacora_rejoined_live_path_total",
                 "Times a subscriber that had caught up came back to live delivery.", total,
                 &Broker::rejoined_live_path},
    BrokerMetric{"bitacora_protocol_errors_total", "Connections closed for breaking the protocol.", total,
                 &Broker::protocol_errors},
    BrokerMetric{"bitacora_timeouts_total", "Connections closed for their silence.", total, &Broker::timeouts},
    BrokerMetric{"bitacora_takeovers_total", "Connections closed because their client id connected again.", total,
                 &Broker::takeovers},
    BrokerMetric{"bitacora_wills_published_total", "Will messages published.", total, &Broker::wills_published},
    BrokerMetric{"bitacora_logins_refused_total",
                 "Clients that were not believed: wrong name or password, a token that does not hold, no name.", total,
                 &Broker::logins_refused},
    BrokerMetric{"bitacora_publishes_not_authorized_total", "Publishes and Wills that the client had no right to.",
                 total, &Broker::publishes_not_authorized},
    BrokerMetric{"bitacora_subscribes_not_authorized_total", "Topic filters that the client had no right to.", total,
                 &Broker::subscribes_not_authorized},
    BrokerMetric{"bitacora_retained_not_authorized_total",
                 "Retained messages not sent because their publisher may not publish there any more.", total,
                 &Broker::retained_not_authorized},
    BrokerMetric{"bitacora_http_not_authorized_total", "HTTP requests that the caller had no right to.", total,
                 &Broker::http_not_authorized},
    BrokerMetric{"bitacora_logins_delayed_total",
                 "Refused logins that were answered late, since there had been many of their address or user.", total,
                 &Broker::logins_delayed},
    BrokerMetric{"bitacora_group_records_handed_over_total", "Records that groups gave to a member.", total,
                 &Broker::group_records_handed_over},
    BrokerMetric{"bitacora_group_records_taken_back_total",
                 "Records that groups took back from a member that left or could not send them.", total,
                 &Broker::group_records_taken_back},
    BrokerMetric{"bitacora_group_partitions_moved_total", "Partitions of a $group given to another member.", total,
                 &Broker::group_partitions_moved},
    BrokerMetric{"bitacora_sessions_expired_total", "Sessions that ended because their client stayed away too long.",
                 total, &Broker::sessions_expired},
    BrokerMetric{"bitacora_system_messages_dropped_total",
                 "$SYS messages left out for subscribers that did not read fast enough.", total,
                 &Broker::system_messages_dropped},
    BrokerMetric{"bitacora_session_checkpoints_total", "Session positions written down.", total,
                 &Broker::session_checkpoints},
    BrokerMetric{"bitacora_tls_handshakes_total", "TLS handshakes of MQTT clients that succeeded.", total,
                 &Broker::tls_handshakes},
    BrokerMetric{"bitacora_tls_handshakes_failed_total", "TLS handshakes of MQTT clients that failed.", total,
                 &Broker::tls_handshakes_failed},
    BrokerMetric{"bitacora_websocket_handshakes_total", "Requests for a WebSocket that were granted.", total,
                 &Broker::websocket_handshakes},
    BrokerMetric{"bitacora_websocket_handshakes_failed_total", "Requests for a WebSocket that were refused.", total,
                 &Broker::websocket_handshakes_failed},
    BrokerMetric{"bitacora_proxy_headers_refused_total",
                 "Connections closed for their PROXY header: malformed, missing, or not from a trusted proxy.", total,
                 &Broker::proxy_headers_refused},
    BrokerMetric{"bitacora_handshake_timeouts_total",
                 "Connections closed because PROXY header, TLS or WebSocket took too long.", total,
                 &Broker::handshake_timeouts},
};

prometheus::ClientMetric metric_of(MetricType type, double value) {
  prometheus::ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

MetricFamily family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

// By partition, all partitions, so that a quarantine that appears is a step and no new series.
void add_damage(std::vector<MetricFamily>& to, const storage::Store& store) {
  std::map<std::pair<std::string, std::int32_t>, double> records;
  for (std::uint32_t index = 0; index < store.partition_count(); ++index) {
    const storage::Partition& partition = store.partition(storage::PartitionIndex(index));
    records[{partition.log_name(), partition.number()}] = 0;
  }
  for (const storage::KnownDamage& damage : store.known_damage()) {
    const storage::OffsetRange& offsets = damage.quarantine.offsets;
    records[{damage.log, damage.partition}] += static_cast<double>(offsets.end - offsets.begin);
  }
  MetricFamily one = family("bitacora_quarantined_records",
                            "Records that are damaged on disk: found by the start, a reader or the scrub.", gauge);
  for (const auto& [partition, count] : records) {
    prometheus::ClientMetric value = metric_of(gauge, count);
    value.label = {{"log", partition.first}, {"partition", std::to_string(partition.second)}};
    one.metric.push_back(std::move(value));
  }
  to.push_back(std::move(one));
}

struct PartitionMetric {
  const char* name;
  const char* help;
  double (*value)(const storage::Partition&);
};
constexpr std::array partition_metrics{
    PartitionMetric{"bitacora_log_start_offset", "First offset still kept.",
                    [](const storage::Partition& p) { return static_cast<double>(p.offsets().log_start); }},
    PartitionMetric{"bitacora_committed_offset", "One past the last durable record.",
                    [](const storage::Partition& p) { return static_cast<double>(p.offsets().committed); }},
    PartitionMetric{"bitacora_log_end_offset", "One past the last record written.",
                    [](const storage::Partition& p) { return static_cast<double>(p.offsets().log_end); }},
    PartitionMetric{"bitacora_partition_size_bytes", "Size of the batches kept.",
                    [](const storage::Partition& p) { return static_cast<double>(p.size_bytes()); }},
    PartitionMetric{"bitacora_partition_segments", "Segment files.",
                    [](const storage::Partition& p) { return static_cast<double>(p.segment_count()); }},
    PartitionMetric{"bitacora_partition_offline", "1 if the partition takes no appends until the next start.",
                    [](const storage::Partition& p) { return p.offline() ? 1.0 : 0.0; }},
};

void add_broker(std::vector<MetricFamily>& to, const bridge::BrokerMetrics& metrics) {
  for (const BrokerMetric& metric : broker_metrics) {
    MetricFamily one = family(metric.name, metric.help, metric.type);
    one.metric.push_back(metric_of(metric.type, static_cast<double>((metrics.*metric.counter).value())));
    to.push_back(std::move(one));
  }
}

void add_limits(std::vector<MetricFamily>& to, const bridge::BrokerMetrics& metrics) {
  MetricFamily one =
      family("bitacora_limit_reached_total", "How often a client went over a limit (docs/limits.md).", total);
  for (std::size_t i = 0; i < bridge::limit_names.size(); ++i) {
    prometheus::ClientMetric value = metric_of(total, static_cast<double>(metrics.limits[i].value()));
    value.label = {{"limit", std::string(bridge::limit_names[i])}};
    one.metric.push_back(std::move(value));
  }
  to.push_back(std::move(one));
}

void add_partitions(std::vector<MetricFamily>& to, const storage::Store& store) {
  for (const PartitionMetric& metric : partition_metrics) {
    MetricFamily one = family(metric.name, metric.help, gauge);
    for (std::uint32_t index = 0; index < store.partition_count(); ++index) {
      const storage::Partition& partition = store.partition(storage::PartitionIndex(index));
      prometheus::ClientMetric value = metric_of(gauge, metric.value(partition));
      value.label = {{"log", partition.log_name()}, {"partition", std::to_string(partition.number())}};
      one.metric.push_back(std::move(value));
    }
    to.push_back(std::move(one));
  }
}

void add_one(std::vector<MetricFamily>& to, const char* name, const char* help, MetricType type, double value) {
  MetricFamily one = family(name, help, type);
  one.metric.push_back(metric_of(type, value));
  to.push_back(std::move(one));
}

void add_gauge(std::vector<MetricFamily>& to, const char* name, const char* help, double value) {
  add_one(to, name, help, gauge, value);
}

void add_disk(std::vector<MetricFamily>& to, const storage::Store& store) {
  const storage::DiskSpace disk = store.disk_space();
  add_gauge(to, "bitacora_disk_free_bytes", "Free space of the data directory's file system; 0 if unknown.",
            static_cast<double>(disk.space.available));
  add_gauge(to, "bitacora_disk_size_bytes", "Used and free space of that file system; 0 if unknown.",
            static_cast<double>(disk.space.size));
  add_gauge(to, "bitacora_disk_space_level",
            "0: enough; 1: disk_warn_percent is reached; 2: publishes are refused for want of room.",
            static_cast<double>(disk.level));
  const storage::ScrubTotals scrub = store.scrub_totals();
  add_one(to, "bitacora_scrubbed_bytes_total", "Bytes of sealed segments read in search of damage.", total,
          static_cast<double>(scrub.bytes));
  add_one(to, "bitacora_scrub_passes_total", "Times that all sealed segments were read.", total,
          static_cast<double>(scrub.passes));
  add_one(to, "bitacora_scrub_read_errors_total", "Segments that a scrub could not read to their end.", total,
          static_cast<double>(scrub.read_errors));
}

// Each costs a query of the catalog, and a series with whoever keeps them.
constexpr std::size_t max_lags = 1000;

void add_lags(std::vector<MetricFamily>& to, const bridge::OffsetService& service) {
  MetricFamily lags =
      family("bitacora_group_lag_records", "Records that a group has not had yet and can still get.", gauge);
  std::size_t omitted = 0;
  const auto groups = service.groups();
  for (const std::string& group : groups ? *groups : std::vector<std::string>()) {
    if (lags.metric.size() >= max_lags) {
      ++omitted;
      continue;
    }
    const auto positions = service.group_positions(group);
    for (const bridge::GroupPosition& position : positions ? *positions : std::vector<bridge::GroupPosition>()) {
      if (!position.lag) continue;
      prometheus::ClientMetric value = metric_of(gauge, static_cast<double>(*position.lag));
      value.label = {{"group", group},
                     {"log", position.committed.log},
                     {"partition", std::to_string(position.committed.partition)}};
      lags.metric.push_back(std::move(value));
    }
  }
  to.push_back(std::move(lags));
  add_gauge(to, "bitacora_group_lags_omitted",
            "Groups left out of bitacora_group_lag_records, since there are very many.", static_cast<double>(omitted));
}

}  // namespace

Answer get_metrics(Door& door, const Request& request) {
  if (auto refused = unless_administering(door, request, "server/metrics")) return std::move(*refused);
  std::vector<MetricFamily> families;
  add_broker(families, door.metrics);
  add_limits(families, door.metrics);
  add_partitions(families, door.service.store());
  add_gauge(families, "bitacora_committer_in_flight_bytes", "Bytes queued, being written, or held by who reads them.",
            static_cast<double>(door.committer.bytes_in_flight()));
  add_gauge(families, "bitacora_committer_in_flight_max_bytes", "Past this, publishers are held back.",
            static_cast<double>(door.committer.max_bytes_in_flight()));
  add_disk(families, door.service.store());
  add_damage(families, door.service.store());
  add_lags(families, door.service);
  Answer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  answer.body = prometheus::TextSerializer().Serialize(families);
  return answer;
}

}  // namespace bitacora::http
