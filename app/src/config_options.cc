// The table of options itself: every key of the configuration file, once, with what is allowed. Keys carry the names of
// the members they fill; config/bitacora.toml says what each of them does.
#include <array>
#include <limits>

#include "access_options.h"
#include "listener_options.h"
#include "mqtt/topic.h"
#include "option_visitor.h"
#include "route_key.h"
#include "storage/partition.h"

namespace bitacora::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kib = 1LL << 10;
constexpr std::int64_t mib = 1LL << 20;
constexpr std::int64_t gib = 1LL << 30;
constexpr hours century{24 * 365 * 100};

constexpr std::array<std::string_view, 5> log_level_names{"trace", "debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> on_damage_names{"start", "refuse"};
constexpr std::array<std::string_view, 3> durability_names{"sync", "async", "memory"};
constexpr std::array<std::string_view, 2> cleanup_names{"delete", "compact"};

std::optional<std::string> check_log(const std::string& name) {
  if (const auto checked = storage::check_log_name(name); !checked) return checked.error().message;
  if (storage::is_internal_log(name)) return "names that begin with \"__\" are the server's own; choose another";
  return std::nullopt;
}

void describe_storage(OptionVisitor& v, StorageConfig& storage) {
  v.choice("on_damage", storage.on_damage, on_damage_names);
  v.bytes("max_bytes_in_flight", storage.max_bytes_in_flight, {64 * kib, 64 * gib});
  v.count("sync_threads", storage.sync_threads, {1, 64});
  v.bytes("preallocate_bytes", storage.preallocate_bytes, {0, gib});
  v.bytes("index_interval_bytes", storage.index_interval_bytes, {64, gib});
  v.bytes("key_index_bytes_per_second", storage.key_index_bytes_per_second, {0, 16 * gib});
  v.duration("housekeeping_interval", storage.housekeeping_interval, milliseconds(10), hours(24));
  v.count("disk_warn_percent", storage.disk_warn_percent, {0, 100});
  v.count("disk_stop_percent", storage.disk_stop_percent, {0, 100});
  v.bytes("ballast_bytes", storage.ballast_bytes, {0, gib});
  v.bytes("scrub_bytes_per_second", storage.scrub_bytes_per_second, {0, 16 * gib});
  v.duration("scrub_interval", storage.scrub_interval, seconds(1), century);
}

void describe_log(OptionVisitor& v, LogConfig& log) {
  storage::LogSettings& settings = log.settings;
  v.text("name", log.name, {"the log's name", check_log, Presence::required});
  v.count("partitions", settings.partitions, {1, 1024});
  v.choice("durability", settings.durability, durability_names);
  v.choice("cleanup", settings.cleanup, cleanup_names);
  v.bytes("segment_bytes", settings.segment_bytes, {kib, 2 * gib - 1});
  v.duration("segment_age", settings.segment_age, milliseconds(1), century);
  v.bytes_or("unlimited", "retention_bytes", settings.retention_bytes, {0, std::numeric_limits<std::int64_t>::max()});
  v.duration_or("forever", "retention_time", settings.retention_time, milliseconds(0), century);
  v.bytes("max_batch_bytes", settings.max_batch_bytes, {kib, gib});
  v.duration("flush_interval", settings.flush_interval, milliseconds(1), hours(1));
  v.bytes("memory_bytes", settings.memory_bytes, {kib, 64 * gib});
  v.duration("delete_retention", settings.delete_retention, milliseconds(0), century);
  v.ratio("min_cleanable_ratio", settings.min_cleanable_ratio);
}

void describe_route(OptionVisitor& v, bridge::Route& route) {
  v.text("filter", route.filter, {"an MQTT topic filter", check_route_filter, Presence::required});
  v.text("log", route.log, {"the name of a log", {}, Presence::required});
  use_captured_level(route);
  std::string key = format_route_key(route);
  v.text("key", key,
         {"\"topic\", \"client_id\", \"user_property:NAME\" or a captured level as in \"{id}\"",
          [&](const std::string& text) { return set_route_key(route, text); }});
  v.text_map("headers", route.headers);
}

void describe_broker(OptionVisitor& v, bridge::BrokerSettings& broker) {
  v.text("default_log", broker.default_log, {"the name of a log"});
  v.yes_no("receipts", broker.receipts);
  v.bytes("max_retained_payload", broker.max_retained_payload, {0, 256 * mib});
  v.count("max_retained_messages", broker.max_retained_messages, {0, 1'000'000'000});
  v.bytes("max_retained_bytes", broker.max_retained_bytes, {0, 64 * gib});
  v.count("max_retained_messages_per_user", broker.max_retained_messages_per_user, {0, 1'000'000'000});
  v.bytes("max_retained_bytes_per_user", broker.max_retained_bytes_per_user, {0, 64 * gib});
  v.duration("sys_interval", broker.sys_interval, milliseconds(0), hours(24));
  v.text("response_information", broker.response_information,
         {"a topic prefix, in which %c is the client id", {}, Presence::optional, Emptiness::allowed});
  v.text("server_reference", broker.server_reference,
         {"another server's name or address", {}, Presence::optional, Emptiness::allowed});
  v.bytes("max_batch_bytes", broker.max_batch_bytes, {kib, 64 * mib});
}

void describe_sessions(OptionVisitor& v, bridge::SessionSettings& sessions) {
  v.duration("max_expiry", sessions.max_expiry, seconds(0), century);
  v.count("max_in_flight", sessions.max_in_flight, {1, 65535});
  v.bytes("max_output_bytes", sessions.max_output_bytes, {kib, gib});
  v.count("max_subscriptions", sessions.max_subscriptions, {1, 1'000'000});
  v.count("max_awaiting_release", sessions.max_awaiting_release, {1, 65535});
  v.bytes("max_unwritten_bytes", sessions.max_unwritten_bytes, {kib, gib});
  v.bytes("max_will_payload", sessions.max_will_payload, {0, 256 * mib});
  v.duration("max_will_delay", sessions.max_will_delay, seconds(0), century);
  v.count("max_wills_per_second", sessions.max_wills_per_second, {1, 1'000'000'000});
  v.count("max_takeovers", sessions.max_takeovers, {1, 1'000'000});
  v.yes_no("queue_qos0", sessions.queue_qos0);
  v.duration("checkpoint_interval", sessions.checkpoint_interval, milliseconds(10), hours(1));
}

void describe_connection(OptionVisitor& v, mqtt::ConnectionLimits& limits) {
  v.bytes("max_packet_size", limits.max_packet_size, {kib, 256 * mib});
  v.bytes("max_connect_packet_size", limits.max_connect_packet_size, {64, 256 * mib});
  v.duration("connect_timeout", limits.connect_timeout, milliseconds(100), minutes(10));
  v.duration("packet_timeout", limits.packet_timeout, milliseconds(100), hours(1));
  std::chrono::seconds keep_alive(limits.max_keep_alive_s);
  v.duration("max_keep_alive", keep_alive, seconds(0), seconds(65535));
  limits.max_keep_alive_s = static_cast<std::uint16_t>(keep_alive.count());
  v.count("receive_maximum", limits.receive_maximum, {1, 65535});
  v.count("topic_alias_maximum", limits.topic_alias_maximum, {0, 65535});
  v.count("topic_alias_maximum_out", limits.topic_alias_maximum_out, {0, 65535});
  v.bytes("max_client_id", limits.max_client_id, {23, 65535});
  v.count("max_topic_levels", limits.max_topic_levels, {1, 65535});
  v.bytes("max_string", limits.codec.max_string, {1, 65535});
  v.count("max_user_properties", limits.codec.max_user_properties, {0, 65535});
  v.bytes("max_user_property_bytes", limits.codec.max_user_property_bytes, {0, 256 * mib});
  v.count("max_filters", limits.codec.max_filters, {1, 65535});
}

void describe_http(OptionVisitor& v, http::HttpSettings& http) {
  v.text_list("host_names", http.host_names);
  v.count("max_connections", http.max_connections, {1, 65535});
  v.bytes("max_header_bytes", http.max_header_bytes, {kib, mib});
  v.bytes("max_body_bytes", http.max_body_bytes, {kib, gib});
  v.bytes("max_read_bytes", http.max_read_bytes, {64 * kib, gib});
  v.count("max_read_records", http.max_read_records, {1, 10'000'000});
  v.duration("header_timeout", http.header_timeout, milliseconds(100), minutes(10));
  v.duration("body_timeout", http.body_timeout, milliseconds(100), hours(1));
  v.duration("keep_alive_timeout", http.keep_alive_timeout, milliseconds(100), hours(24));
  v.duration("write_timeout", http.write_timeout, milliseconds(100), hours(1));
  v.duration("max_wait", http.max_wait, milliseconds(0), hours(1));
  v.duration("produce_timeout", http.produce_timeout, milliseconds(100), hours(1));
  v.duration("tail_heartbeat", http.tail_heartbeat, milliseconds(100), hours(1));
  v.duration("tail_stall_timeout", http.tail_stall_timeout, milliseconds(100), hours(24));
  v.duration("drain_timeout", http.drain_timeout, milliseconds(0), minutes(10));
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept { return log_level_names[static_cast<std::size_t>(level)]; }

void describe(OptionVisitor& v, ServerConfig& config) {
  v.text("data_dir", config.data_directory, {"a directory's path"});
  v.count("shards", config.shards, {0, 256});
  v.count("max_connections", config.max_connections, {1, 10'000'000});
  v.choice("log_level", config.log_level, log_level_names);
  v.yes_no("allow_anonymous", config.anonymous);
  v.list<Listener>("listeners", config.listeners, [&](Listener& listener) { describe_listener(v, listener); });
  describe_access(v, config);
  v.section("storage", [&] { describe_storage(v, config.storage); });
  v.list<LogConfig>("logs", config.logs, [&](LogConfig& log) { describe_log(v, log); });
  v.section("broker", [&] { describe_broker(v, config.broker); });
  v.list<bridge::Route>("routes", config.broker.routes, [&](bridge::Route& route) { describe_route(v, route); });
  v.section("sessions", [&] { describe_sessions(v, config.broker.sessions); });
  v.section("mqtt", [&] { describe_connection(v, config.broker.connection); });
  v.section("http", [&] { describe_http(v, config.http); });
}

}  // namespace bitacora::app
