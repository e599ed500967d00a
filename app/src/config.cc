#include "app/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <tuple>

#include "config_checks.h"
#include "toml_printer.h"
#include "toml_reader.h"

namespace bitacora::app {
namespace {

void note_places_of_listeners(ServerConfig& config, const toml::table& root, const std::string& file) {
  const auto* listeners = root["listeners"].as_array();
  if (listeners == nullptr) return;
  for (std::size_t i = 0; i < config.listeners.size() && i < listeners->size(); ++i) {
    config.listeners[i].declared_in = fmt::format("{}:{}", file, listeners->get(i)->source().begin.line);
  }
}

ConfigResult<toml::table> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const auto& begin = error.source().begin;
    return Failure<ConfigMistakes>(
        ConfigMistakes{{file, begin.line, begin.column,
                        fmt::format("this is not TOML: {}. Nothing behind it was looked at", error.description())}});
  }
}

}  // namespace

std::string format(const ConfigMistake& mistake) {
  if (mistake.line == 0) return fmt::format("{}: {}", mistake.file, mistake.message);
  return fmt::format("{}:{}:{}: {}", mistake.file, mistake.line, mistake.column, mistake.message);
}

ConfigResult<ServerConfig> parse_config(std::string_view text, const std::string& file) {
  const auto root = parse_toml(text, file);
  if (!root) return Failure<ConfigMistakes>(root.error());
  ServerConfig config;
  ConfigMistakes mistakes;
  TomlReader reader(*root, file, mistakes);
  describe(reader, config);
  reader.report_unknown_keys();
  check_whole(config, *root, file, mistakes);
  note_places_of_listeners(config, *root, file);
  if (mistakes.empty()) return config;
  std::stable_sort(mistakes.begin(), mistakes.end(), [](const ConfigMistake& a, const ConfigMistake& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return Failure<ConfigMistakes>(std::move(mistakes));
}

ConfigResult<ServerConfig> load_config(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream) {
    const std::string reason = std::strerror(errno);
    return Failure<ConfigMistakes>(
        ConfigMistakes{{file, 0, 0, fmt::format("cannot be read: {}; check the path given to --config", reason)}});
  }
  return parse_config(text.str(), file);
}

std::string format_config(const ServerConfig& config) {
  ServerConfig copy = config;  // describe() visits what it may change
  TomlPrinter printer;
  describe(printer, copy);
  return printer.take();
}

bool checks_names(const ServerConfig& config) noexcept {
  return !config.auth.password_file.empty() || !config.jwt.key_file.empty();
}

std::optional<std::string> refusal_of_exposure(const ServerConfig& config) {
  if (config.anonymous == Anonymous::everywhere) return std::nullopt;
  for (const auto& listener : config.listeners) {
    if (is_loopback(listener.address) || listener.where().is_unix()) continue;
    const auto& rules = listener.rules;
    if (checks_names(config) || rules.anonymous == bridge::AnonymousAccess::allowed) continue;
    if (rules.tls.client_certificates == net::ClientCertificates::required) continue;
    const std::string origin = listener.declared_in.empty() ? "" : fmt::format(" ({})", listener.declared_in);
    return fmt::format(
        "the {} listener on {}{} can be reached from other machines, and clients need no password. Listen on 127.0.0.1 "
        "or [::1], or say that this is wanted: allow_anonymous = true in the configuration, or --allow-anonymous",
        name_of(listener.protocol), format_address(listener), origin);
  }
  return std::nullopt;
}

}  // namespace bitacora::app
