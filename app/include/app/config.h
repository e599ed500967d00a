// What the server is told, as one plain value: read from a TOML file, changed by command-line flags, checked as a
// whole. The defaults of these structs are the defaults of the server; config/bitacora.toml shows each of them and a
// test holds the two together.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bridge/settings.h"
#include "http/settings.h"
#include "identity/failed_logins.h"
#include "identity/jwt.h"
#include "identity/rule.h"
#include "net/listener_options.h"
#include "storage/settings.h"

namespace bitacora::app {

enum class Protocol : std::uint8_t { mqtt, http };
enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };
enum class Anonymous : std::uint8_t { on_loopback_only, everywhere };
enum class OnDamage : std::uint8_t { start, refuse };  // what a start does that finds a damaged partition

[[nodiscard]] std::string_view name_of(Protocol) noexcept;
[[nodiscard]] std::string_view name_of(LogLevel) noexcept;

struct Listener {
  Protocol protocol = Protocol::mqtt;
  std::string address = "127.0.0.1";  // an IPv4 or IPv6 literal; of MQTT also "unix:" and a path
  std::uint16_t port = 0;             // 0: any free one
  std::string declared_in{};          // "bitacora.toml:12:1" or "--mqtt"; empty for a default
  // Of MQTT alone:
  net::DualStack dual_stack = net::DualStack::no;
  std::uint32_t socket_mode = 0660;
  net::ListenerRules rules{};

  [[nodiscard]] net::ListenAddress where() const { return {address, port, dual_stack, socket_mode}; }
};

struct LogConfig {
  std::string name;
  storage::LogSettings settings{};
};

struct StorageConfig {
  OnDamage on_damage = OnDamage::start;
  std::int64_t max_bytes_in_flight = 64 << 20;              // queued for the committer, over all logs
  std::uint32_t sync_threads = 4;                           // files synced side by side
  std::int64_t preallocate_bytes = 1 << 20;                 // zeros ahead of a sync log's end; 0: none
  std::int64_t index_interval_bytes = 4096;                 // of log between two index entries
  std::int64_t key_index_bytes_per_second = 64 << 20;       // of log that searches are made fast for; 0: none
  std::chrono::milliseconds housekeeping_interval{60'000};  // how often retention and compaction run
  std::int32_t disk_warn_percent = 85;                      // of the disk used: a warning; 0 or 100: none
  std::int32_t disk_stop_percent = 95;                      // of the disk used: publishes are refused; 0 or 100: not
  std::int64_t ballast_bytes = 8 << 20;                     // kept to be given up on a full disk; 0: none
  std::int64_t scrub_bytes_per_second = 4 << 20;            // read in search of damage; 0: none
  std::chrono::milliseconds scrub_interval = std::chrono::hours(7 * 24);  // between the beginnings of two passes
};

struct AuthConfig {
  std::string password_file{};      // identity/password_file.h; empty: nobody has a password
  std::string acl_file{};           // identity/acl_file.h; empty: none
  std::uint32_t threads = 2;        // that hash passwords
  std::uint32_t max_waiting = 256;  // logins that wait for them; over it the server is busy
  identity::FailedLoginTerms failed{};
};

struct JwtConfig {
  std::string key_file{};  // empty: tokens are not taken
  identity::JwtAlgorithm algorithm = identity::JwtAlgorithm::rs256;
  std::string audience{};
  std::string issuer{};
  std::string user_claim = "sub";
  std::string groups_claim = "groups";
};

struct UserGroup {
  std::string name;
  std::vector<std::string> members{};  // user names
};

struct ServerConfig {
  std::string data_directory = "data";
  std::uint32_t shards = 0;               // 0: one for each core
  std::size_t max_connections = 100'000;  // of MQTT, over all listeners
  LogLevel log_level = LogLevel::info;
  Anonymous anonymous = Anonymous::on_loopback_only;
  std::vector<Listener> listeners{{Protocol::mqtt, "127.0.0.1", 1883}, {Protocol::http, "127.0.0.1", 8080}};
  StorageConfig storage;
  std::vector<LogConfig> logs{{"mqtt"}};
  bridge::BrokerSettings broker;  // but its `access`, which is made of the next four and their files
  AuthConfig auth;
  JwtConfig jwt;
  std::vector<identity::Rule> rules{};
  std::vector<UserGroup> user_groups{};
  http::HttpSettings http;  // of every HTTP listener; address, port and origin are each one's own
};

// One thing that is wrong, and what to do about it.
struct ConfigMistake {
  std::string file;
  std::uint32_t line = 0;    // from 1; 0 where no line is to blame
  std::uint32_t column = 0;  // from 1
  std::string message;
};

// "file:line:column: message", as editors and compilers write it.
[[nodiscard]] std::string format(const ConfigMistake& mistake);

using ConfigMistakes = std::vector<ConfigMistake>;  // by line; never empty as an error
template <class T>
using ConfigResult = Result<T, ConfigMistakes>;

// All of the configuration or every mistake in it: nothing is half applied. `file` is only named in mistakes. Of broken
// TOML syntax only the first place can be told.
[[nodiscard]] ConfigResult<ServerConfig> parse_config(std::string_view text, const std::string& file);
[[nodiscard]] ConfigResult<ServerConfig> load_config(const std::string& file);

// The whole configuration as TOML that parse_config reads back to the same value.
[[nodiscard]] std::string format_config(const ServerConfig& config);

// Whether clients that give a name must prove it: there is a password file or a key for tokens.
[[nodiscard]] bool checks_names(const ServerConfig& config) noexcept;

// Why a server with this configuration must not start: it would let anybody in from other machines, and nobody said so.
// nullopt: it may start.
[[nodiscard]] std::optional<std::string> refusal_of_exposure(const ServerConfig& config);

// "127.0.0.1:1883", "[::1]:1883", ":1883" (127.0.0.1), for MQTT also "unix:/run/bitacora.sock". nullopt for anything
// else. declared_in is left empty.
[[nodiscard]] std::optional<Listener> parse_listener(Protocol protocol, std::string_view text);
[[nodiscard]] std::string format_address(const Listener& listener);  // the inverse
[[nodiscard]] bool is_ip_address(const std::string& text);
[[nodiscard]] bool is_loopback(const std::string& ip_address);

}  // namespace bitacora::app
