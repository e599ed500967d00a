#include "mosquitto_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "mosquitto_equals.h"
#include "mosquitto_listener.h"
#include "toml_text.h"

namespace bitacora::app {
namespace {

constexpr std::string_view mosquittos_own = "mosquitto's ";  // how the origin of a default begins

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && parsed_to == end ? std::optional(number) : std::nullopt;
}

// "14d" as days and so on; h, d, w, m (30 days) and y (365 days), as mosquitto counts them.
std::optional<std::int64_t> hours_in(const std::string& text) {
  if (text.empty()) return std::nullopt;
  constexpr std::int64_t day = 24;
  static const std::map<char, std::int64_t> units{
      {'h', 1}, {'d', day}, {'w', 7 * day}, {'m', 30 * day}, {'y', 365 * day}};
  const auto unit = units.find(text.back());
  const auto number = number_in(text.substr(0, text.size() - 1));
  constexpr std::int64_t century = 36'500 * day;
  if (unit == units.end() || !number || *number < 0) return std::nullopt;
  return *number > century / unit->second ? century : *number * unit->second;
}

std::string described(const MosquittoLine& line) { return line.option + (line.value.empty() ? "" : " " + line.value); }

class Importer {
 public:
  ImportedConfig import(const std::vector<MosquittoLine>& lines) {
    set_defaults();
    // What it changes about other lines may stand behind them.
    for (const MosquittoLine& line : lines) {
      if (line.option == "per_listener_settings") per_listener_ = yes(line);
    }
    for (const MosquittoLine& line : lines) take(line);
    return {.toml = written(), .notes = std::move(notes_)};
  }

 private:
  using Handler = void (Importer::*)(const MosquittoLine&);
  struct Option {
    std::string key;    // as it is written here
    std::string value;  // TOML
    std::string from;   // the place, or "mosquitto's default"
  };

  // Mosquitto's defaults, where ours are tighter.
  void set_defaults() {
    set("sessions", "max_expiry", "\"36500d\"", "mosquitto's default: never");
    set("mqtt", "max_packet_size", "\"256MiB\"", "mosquitto's default: what MQTT allows");
    set("mqtt", "max_keep_alive", "\"0s\"", "mosquitto's default: what the client asks for");
    set("mqtt", "max_topic_levels", "200", "mosquitto's bound");
  }

  void take(const MosquittoLine& line) {
    if (const auto handler = handlers().find(line.option); handler != handlers().end()) {
      (this->*handler->second)(line);
    } else if (const auto why = why_without_equal(line.option)) {
      leave_out(line, std::string(*why));
    } else {
      leave_out(line, "mosquitto 2.0 has no such option");
    }
  }

  static const std::map<std::string, Handler, std::less<>>& handlers() {
    static const std::map<std::string, Handler, std::less<>> all{
        {"acl_file", &Importer::take_identity_file},
        {"allow_anonymous", &Importer::take_allow_anonymous},
        {"allow_zero_length_clientid", &Importer::take_zero_length_client_id},
        {"bind_address", &Importer::take_listener_option},
        {"cafile", &Importer::take_listener_option},
        {"capath", &Importer::take_listener_option},
        {"certfile", &Importer::take_listener_option},
        {"crlfile", &Importer::take_listener_option},
        {"include_dir", &Importer::take_include},
        {"keyfile", &Importer::take_listener_option},
        {"listener", &Importer::take_listener},
        {"log_type", &Importer::take_log_type},
        {"max_connections", &Importer::take_listener_option},
        {"max_inflight_messages", &Importer::take_max_inflight},
        {"max_keepalive", &Importer::take_max_keepalive},
        {"max_packet_size", &Importer::take_max_packet_size},
        {"max_topic_alias", &Importer::take_max_topic_alias},
        {"message_size_limit", &Importer::take_message_size_limit},
        {"password_file", &Importer::take_identity_file},
        {"per_listener_settings", &Importer::take_per_listener_settings},
        {"persistence", &Importer::take_persistence},
        {"persistence_location", &Importer::take_persistence_location},
        {"persistent_client_expiration", &Importer::take_expiration},
        {"port", &Importer::take_listener_option},
        {"protocol", &Importer::take_listener_option},
        {"psk_hint", &Importer::take_listener_option},
        {"queue_qos0_messages", &Importer::take_queue_qos0},
        {"require_certificate", &Importer::take_listener_option},
        {"set_tcp_nodelay", &Importer::take_nodelay},
        {"socket_domain", &Importer::take_listener_option},
        {"sys_interval", &Importer::take_sys_interval},
        {"tls_version", &Importer::take_listener_option},
        {"use_identity_as_username", &Importer::take_listener_option},
        {"use_subject_as_username", &Importer::take_listener_option},
    };
    return all;
  }

  // --- what a line comes to ---
  void set(const std::string& section, const std::string& key, std::string value, std::string from) {
    auto& options = sections_[section];
    const auto same =
        std::find_if(options.begin(), options.end(), [&](const Option& option) { return option.key == key; });
    if (same == options.end()) {
      options.push_back({key, std::move(value), std::move(from)});
      return;
    }
    if (!same->from.starts_with(mosquittos_own)) as_it_is_.push_back(same->from + ": a later line says otherwise");
    *same = {key, std::move(value), std::move(from)};
  }
  void set(const MosquittoLine& line, const std::string& section, const std::string& key, std::string value) {
    set(section, key, std::move(value), line.where() + ": " + described(line));
  }
  void note(const MosquittoLine& line, const std::string& text) {
    notes_.push_back(fmt::format("{}: {}: {}", line.where(), line.option, text));
  }
  void leave_out(const MosquittoLine& line, const std::string& why) {
    left_out_.push_back(fmt::format("{}: {}: {}", line.where(), described(line), why));
    note(line, why);
  }
  // There is nothing to write: it is so in any case.
  void is_so_already(const MosquittoLine& line, const std::string& why) {
    as_it_is_.push_back(fmt::format("{}: {}: {}", line.where(), described(line), why));
  }
  [[nodiscard]] bool yes(const MosquittoLine& line) { return line.value == "true" || line.value == "1"; }

  // A number of `line` between the option's bounds; told where it is none or out of them.
  std::optional<std::int64_t> bounded(const MosquittoLine& line, std::int64_t least, std::int64_t most) {
    const auto number = number_in(line.value);
    if (!number || *number < 0) {
      leave_out(line, fmt::format("\"{}\" is no number", line.value));
      return std::nullopt;
    }
    const std::int64_t held = std::clamp(*number, least, most);
    if (held != *number) note(line, fmt::format("{} is written, the nearest that is possible here", held));
    return held;
  }

  // --- listeners ---
  void take_listener(const MosquittoLine& line) {
    has_listener_line_ = true;
    listeners_.emplace_back();
    MosquittoListener& listener = listeners_.back();
    listener.lines.push_back(line);
    const std::size_t blank = line.value.find(' ');
    listener.port = line.value.substr(0, blank);
    if (blank != std::string::npos) listener.address = line.value.substr(line.value.find_first_not_of(' ', blank));
  }

  // The listener that a line is about: the one above it, or mosquitto's default listener.
  MosquittoListener& listener_of(const MosquittoLine& line) {
    MosquittoListener& listener = has_listener_line_ ? listeners_.back() : default_listener();
    listener.lines.push_back(line);
    return listener;
  }
  MosquittoListener& default_listener() {
    if (listeners_.empty()) listeners_.emplace_back();
    return listeners_.front();
  }

  void take_listener_option(const MosquittoLine& line) {
    const std::string& option = line.option;
    if ((option == "port" || option == "bind_address") && has_listener_line_) {
      return leave_out(line, "is for the default listener and stands before the first \"listener\" line");
    }
    if (option == "use_subject_as_username" && yes(line)) {
      leave_out(line,
                "of a certificate's subject only its common name can be the user: certificate_user = \"common_name\"");
      return;
    }
    MosquittoListener& listener = listener_of(line);
    if (option == "port") listener.port = line.value;
    if (option == "bind_address") listener.address = line.value;
    if (option == "socket_domain") listener.socket_domain = line.value;
    if (option == "protocol") listener.protocol = line.value;
    if (option == "certfile") listener.certificate = line.value;
    if (option == "keyfile") listener.key = line.value;
    if (option == "cafile") listener.client_ca = line.value;
    if (option == "capath") listener.client_ca_directory = line.value;
    if (option == "crlfile") listener.crl = line.value;
    if (option == "tls_version") listener.tls_version = line.value;
    if (option == "require_certificate") listener.requires_certificate = yes(line);
    if (option == "use_identity_as_username") listener.identity_is_user = yes(line);
    if (option == "psk_hint") listener.has_psk = true;
    if (option == "max_connections") {
      listener.max_connections = number_in(line.value);
      if (!listener.max_connections) note(line, fmt::format("\"{}\" is no number: no bound is written", line.value));
    }
  }

  void take_per_listener_settings(const MosquittoLine& line) {
    is_so_already(line, "each listener below has its own \"anonymous\"");
  }

  void take_allow_anonymous(const MosquittoLine& line) {
    if (per_listener_) {
      listener_of(line).allow_anonymous = yes(line);
    } else {
      anonymous_ = yes(line);
      is_so_already(line, "written as \"anonymous\" of each listener");
    }
  }

  // One file of each kind holds for all listeners here; with per_listener_settings the first is it.
  void take_identity_file(const MosquittoLine& line) {
    if (per_listener_ && line.option == "password_file") listener_of(line).password_file = line.value;
    std::string& carried = line.option == "password_file" ? password_file_ : acl_file_;
    if (per_listener_ && !carried.empty() && carried != line.value) {
      return leave_out(line, fmt::format("there is one {} for all listeners: {}", line.option, carried));
    }
    carried = line.value;
    set(line, "auth", line.option, toml_string(line.value));
    if (per_listener_) note(line, "holds for all listeners here");
  }

  // --- everything else ---
  void take_include(const MosquittoLine& line) { is_so_already(line, "its files were read in this place"); }

  void take_zero_length_client_id(const MosquittoLine& line) {
    if (yes(line)) return is_so_already(line, "clients without an id are given one");
    leave_out(line, "clients without an id are given one, as MQTT 5.0 wants it");
  }

  void take_log_type(const MosquittoLine& line) {
    static const std::map<std::string, std::pair<int, std::string>, std::less<>> levels{
        {"none", {0, "error"}},       {"error", {0, "error"}},      {"warning", {1, "warning"}},
        {"notice", {2, "info"}},      {"information", {2, "info"}}, {"subscribe", {2, "info"}},
        {"unsubscribe", {2, "info"}}, {"websockets", {2, "info"}},  {"debug", {3, "debug"}},
        {"all", {3, "debug"}}};
    const auto level = levels.find(line.value);
    if (level == levels.end()) return leave_out(line, fmt::format("there is no such type \"{}\"", line.value));
    const auto& [rank, name] = level->second;
    if (rank < log_rank_) return is_so_already(line, "another log_type says more");
    log_rank_ = rank;
    set(line, "", "log_level", toml_string(name));
  }

  void take_max_inflight(const MosquittoLine& line) {
    if (line.value == "0") {
      set(line, "sessions", "max_in_flight", "65535");
    } else if (const auto count = bounded(line, 1, 65535)) {
      set(line, "sessions", "max_in_flight", std::to_string(*count));
    }
  }
  void take_max_keepalive(const MosquittoLine& line) {
    const auto seconds = bounded(line, 0, 65535);
    if (seconds) set(line, "mqtt", "max_keep_alive", toml_string(std::to_string(*seconds) + "s"));
  }
  void take_sys_interval(const MosquittoLine& line) {
    const auto seconds = bounded(line, 0, 24 * 3600);
    if (seconds) set(line, "broker", "sys_interval", toml_string(std::to_string(*seconds) + "s"));
  }
  void take_max_packet_size(const MosquittoLine& line) {
    if (line.value == "0") return is_so_already(line, "no bound of its own: the default above");
    if (const auto bytes = bounded(line, 1 << 10, 256 << 20)) {
      set(line, "mqtt", "max_packet_size", toml_string(std::to_string(*bytes) + "B"));
      has_packet_size_ = true;
    }
  }
  // The option bounds the payload; ours bounds the whole packet.
  void take_message_size_limit(const MosquittoLine& line) {
    constexpr std::int64_t room_for_headers = 128 << 10;  // a topic of 64 KiB, and properties
    if (line.value == "0") return is_so_already(line, "no bound of its own: the default above");
    if (has_packet_size_) return leave_out(line, "max_packet_size is the tighter bound");
    if (const auto bytes = bounded(line, 1, (256 << 20) - room_for_headers)) {
      set(line, "mqtt", "max_packet_size", toml_string(std::to_string(*bytes + room_for_headers) + "B"));
      note(line, "the bound here is for the whole packet: the payload's and 128 KiB for topic and properties");
    }
  }
  void take_max_topic_alias(const MosquittoLine& line) {
    if (const auto count = bounded(line, 0, 65535)) {
      set(line, "mqtt", "topic_alias_maximum", std::to_string(*count));
      if (has_listener_line_) note(line, "holds for all listeners here");
    }
  }
  void take_persistence(const MosquittoLine& line) {
    if (yes(line)) return is_so_already(line, "every message is in the log before it is acknowledged");
    leave_out(line, "messages are kept in the log in any case; durability = \"memory\" of a log is what comes nearest");
  }
  void take_persistence_location(const MosquittoLine& line) {
    const std::string directory = line.value + (line.value.ends_with('/') ? "" : "/") + "bitacora";
    set(line, "", "data_dir", toml_string(directory));
    note(line, "retained messages and sessions in mosquitto.db are not read: publish what is retained anew");
  }
  void take_expiration(const MosquittoLine& line) {
    const auto hours = hours_in(line.value);
    if (!hours) return leave_out(line, fmt::format("\"{}\" is no time as in 14d", line.value));
    set(line, "sessions", "max_expiry", toml_string(std::to_string(*hours) + "h"));
  }
  void take_queue_qos0(const MosquittoLine& line) { set(line, "sessions", "queue_qos0", yes(line) ? "true" : "false"); }
  void take_nodelay(const MosquittoLine& line) {
    if (yes(line)) return is_so_already(line, "it is always so");
    leave_out(line, "TCP_NODELAY is always set: what is written in one turn goes out in one piece");
  }

  // --- writing ---
  [[nodiscard]] std::string written() {
    std::string tables = listener_tables();
    std::string toml = "# Written by `bitacora import-mosquitto`. Behind each option is the line it comes from.\n";
    for (const Option& option : sections_[""]) toml += line_of(option);
    toml += tables;
    for (const auto& [name, options] : sections_) {
      if (name.empty()) continue;
      toml += fmt::format("\n[{}]\n", name);
      for (const Option& option : options) toml += line_of(option);
    }
    append_comments(toml, "Needs no option here:", as_it_is_);
    append_comments(toml, "Has no equal here:", left_out_);
    return toml;
  }

  static std::string line_of(const Option& option) {
    return fmt::format("{} = {}  # {}\n", option.key, option.value, option.from);
  }
  static void append_comments(std::string& toml, std::string_view title, const std::vector<std::string>& comments) {
    if (comments.empty()) return;
    toml += fmt::format("\n# {}\n", title);
    for (const std::string& comment : comments) toml += "#   " + comment + "\n";
  }

  std::string listener_tables() {
    const bool is_local = listeners_.empty() || !names_an_address();
    if (is_local) default_listener().address = "127.0.0.1";  // mosquitto 2.0 without a listener is for this machine
    std::string tables;
    for (const MosquittoListener& listener : listeners_) {
      const ImportedListener imported = import_listener(listener, who_comes_in(listener, is_local));
      tables += '\n';
      for (const MosquittoLine& line : listener.lines)
        tables += fmt::format("# {}: {}\n", line.where(), described(line));
      for (const std::string& text : imported.notes) {
        if (listener.lines.empty()) {
          notes_.push_back(text);
        } else {
          note(listener.lines.front(), text);
        }
        tables += "# note: " + text + "\n";
      }
      tables += imported.toml;
    }
    return tables +
           "\n[[listeners]]\nprotocol = \"http\"  # the offset API, health and metrics\naddress = \"127.0.0.1\"\nport "
           "= 8080\n";
  }

  [[nodiscard]] WhoComesIn who_comes_in(const MosquittoListener& listener, bool is_local) const {
    const std::optional<bool> anonymous = per_listener_ ? listener.allow_anonymous : anonymous_;
    const std::string& file = per_listener_ ? listener.password_file : password_file_;
    if (anonymous.value_or(is_local)) return WhoComesIn::everybody;
    return !file.empty() && file == password_file_ ? WhoComesIn::users : WhoComesIn::nobody_by_name;
  }

  [[nodiscard]] bool names_an_address() const {
    return has_listener_line_ ||
           std::any_of(listeners_.begin(), listeners_.end(), [](const MosquittoListener& listener) {
             return std::any_of(listener.lines.begin(), listener.lines.end(), [](const MosquittoLine& line) {
               return line.option == "port" || line.option == "bind_address";
             });
           });
  }

  std::vector<MosquittoListener> listeners_;
  bool has_listener_line_ = false;
  bool per_listener_ = false;
  std::optional<bool> anonymous_;
  std::string password_file_;  // that is carried over
  std::string acl_file_;
  bool has_packet_size_ = false;
  int log_rank_ = -1;
  std::map<std::string, std::vector<Option>> sections_;
  std::vector<std::string> as_it_is_;
  std::vector<std::string> left_out_;
  std::vector<std::string> notes_;
};

}  // namespace

ImportedConfig import_mosquitto(const std::vector<MosquittoLine>& lines) { return Importer().import(lines); }

}  // namespace bitacora::app
