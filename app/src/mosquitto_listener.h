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

// `anonymous`: whether mosquitto lets clients without a name in here.
[[nodiscard]] ImportedListener import_listener(const MosquittoListener& listener, bool anonymous);

// A TOML string with its quotes.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace bitacora::app
