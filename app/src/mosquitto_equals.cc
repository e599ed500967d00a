#include "mosquitto_equals.h"

#include <algorithm>
#include <array>

namespace bitacora::app {
namespace {

struct WithoutEqual {
  std::string_view option;  // with * at its end: every option that begins so
  std::string_view why;
};

constexpr std::string_view no_bridges = "no bridges to other brokers yet";
constexpr std::string_view no_psk = "no TLS with pre-shared keys: use certificates";
constexpr std::string_view not_told = "the server has no such log of its own: see log_level and docs/operations.md";
constexpr std::string_view no_saving =
    "nothing is saved now and then: every message is in the log on disk before it is acknowledged";
constexpr std::string_view no_queue =
    "there is no queue for each client: an offline session is a position in the log, and how long messages are kept is "
    "the "
    "log's retention_time and retention_bytes";
constexpr std::string_view no_plugin = "no plugins";
constexpr std::string_view ciphers_are_fixed =
    "the cipher suites are fixed: TLS 1.3's, and of 1.2 those with forward secrecy";

constexpr auto table = std::to_array<WithoutEqual>({
    {"allow_duplicate_messages", "has had no effect in mosquitto either since 2.0"},
    {"auth_opt_*", no_plugin},
    {"auth_plugin*", no_plugin},
    {"plugin*", no_plugin},
    {"auto_id_prefix", "client ids given by the server begin with auto-"},
    {"autosave_interval", no_saving},
    {"autosave_on_changes", no_saving},
    {"bind_interface", "write the interface's address into the listener's address"},
    {"check_retain_source", "a retained message is sent by the rights of today"},
    {"ciphers", ciphers_are_fixed},
    {"ciphers_tls1.3", ciphers_are_fixed},
    {"clientid_prefixes", "client ids are not a right: give clients user names or certificates"},
    {"connection_messages", not_told},
    {"dhparamfile", "key exchange is by elliptic curves: no file is needed"},
    {"http_dir", "files are not served: put a web server in front"},
    {"log_dest", "messages go to standard error; systemd or the shell sends them on"},
    {"log_facility", not_told},
    {"log_timestamp", "every message has its time"},
    {"log_timestamp_format", "the time of messages has one format"},
    {"max_inflight_bytes", "what is in flight to a client is bounded by max_in_flight and max_output_bytes"},
    {"max_qos", "every QoS is served"},
    {"max_queued_bytes", no_queue},
    {"max_queued_messages", no_queue},
    {"memory_limit", "memory does not grow with messages: slow and offline clients read from the log"},
    {"mount_point", "topics are as their clients name them; routes sort them into logs"},
    {"persistence_file", "a directory of logs takes its place: data_dir"},
    {"pid_file", "systemd knows the process; --ports-file tells when it is ready"},
    {"psk_file", no_psk},
    {"psk_hint", no_psk},
    {"retain_available", "retained messages are always available"},
    {"tls_engine", "keys are files"},
    {"tls_engine_kpass_sha1", "keys are files"},
    {"tls_keyform", "keys are PEM files"},
    {"upgrade_outgoing_qos", "messages are delivered with the lower of both QoS, as the standard says"},
    {"use_username_as_clientid", "a session belongs to its user: nobody can take another's by its client id"},
    {"user", "start the server as the user it is to be: User= of the systemd unit"},
    {"websockets_headers_size", "the request for a WebSocket has a bound of its own"},
    {"websockets_log_level", not_told},

    {"address", no_bridges},
    {"addresses", no_bridges},
    {"bridge_*", no_bridges},
    {"cleansession", no_bridges},
    {"clientid", no_bridges},
    {"connection", no_bridges},
    {"idle_timeout", no_bridges},
    {"keepalive_interval", no_bridges},
    {"local_*", no_bridges},
    {"notification_topic", no_bridges},
    {"notifications*", no_bridges},
    {"password", no_bridges},
    {"remote_*", no_bridges},
    {"restart_timeout", no_bridges},
    {"round_robin", no_bridges},
    {"start_type", no_bridges},
    {"threshold", no_bridges},
    {"topic", no_bridges},
    {"try_private", no_bridges},
    {"username", no_bridges},
});

bool matches(std::string_view pattern, std::string_view option) {
  if (pattern.ends_with('*')) return option.starts_with(pattern.substr(0, pattern.size() - 1));
  return option == pattern;
}

}  // namespace

std::optional<std::string_view> why_without_equal(std::string_view option) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [option](const WithoutEqual& entry) { return matches(entry.option, option); });
  if (found == table.end()) return std::nullopt;
  return found->why;
}

}  // namespace bitacora::app
