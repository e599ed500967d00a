// One listener as mosquitto.conf describes it, over several lines, and its equal here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosquitto_config.h"

namespace bitacora::app {

struct MosquittoListener {
  std::vector<MosquittoLine> lines;  // all that belong to it; empty: mosquitto's listener of an empty file
  std::string port = "1883";
  std::string address;  // empty: every interface; a path for a Unix socket (port 0)
  std::optional<std::string> socket_domain;
  std::string protocol = "mqtt";
  std::optional<std::int64_t> max_connections;
  std::optional<bool> allow_anonymous;  // its own, with per_listener_settings
  std::string password_file;            // likewise
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string client_ca_directory;
  std::string crl;
  std::string tls_version;
  bool requires_certificate = false;
  bool identity_is_user = false;
  bool has_psk = false;
};

struct ImportedListener {
  std::string toml;                // a [[listeners]] table; empty if there is no safe equal
  std::vector<std::string> notes;  // without a place: what differs, or why it was left out
};

enum class WhoComesIn : std::uint8_t {
  everybody,       // clients without a name too
  users,           // of the password file that is carried over
  nobody_by_name,  // whoever mosquitto lets in by a name is not known here: a certificate is the only way
};

[[nodiscard]] ImportedListener import_listener(const MosquittoListener& listener, WhoComesIn who);

}  // namespace bitacora::app
