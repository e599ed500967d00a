#include "listener_checks.h"

#include <fmt/format.h>

#include "net/ip_address.h"

namespace bitacora::app {
namespace {

using Mistakes = std::vector<ListenerMistake>;

void check_address(const Listener& listener, Mistakes& mistakes) {
  if (listener.where().is_unix() && listener.port != 0) {
    mistakes.push_back({"port", "a Unix socket has no port; remove this line"});
  }
  if (listener.dual_stack == net::DualStack::yes && listener.address != "::") {
    mistakes.push_back({"dual_stack", "dual_stack is for address = \"::\"; remove one of the two"});
  }
}

void check_tls(const net::ListenerRules& rules, Mistakes& mistakes) {
  const net::TlsOptions& tls = rules.tls;
  if (!is_secure(rules.transport)) {
    const std::string why = "is for transport = \"tls\" or \"wss\"; set that, or remove this line";
    if (!tls.certificate_file.empty()) mistakes.push_back({"tls_certificate", "tls_certificate " + why});
    if (!tls.key_file.empty()) mistakes.push_back({"tls_key", "tls_key " + why});
    if (tls.client_certificates != net::ClientCertificates::none) {
      mistakes.push_back({"tls_client_certificates", "tls_client_certificates " + why});
    }
    return;
  }
  if (tls.certificate_file.empty() || tls.key_file.empty()) {
    mistakes.push_back({"transport", "this transport needs tls_certificate and tls_key: add them to this listener"});
  }
  const bool asks = tls.client_certificates != net::ClientCertificates::none;
  if (asks && tls.client_ca_file.empty()) {
    mistakes.push_back(
        {"tls_client_certificates", "client certificates need tls_client_ca, the file of those who may sign them"});
  }
  if (!asks && (!tls.client_ca_file.empty() || !tls.crl_file.empty())) {
    mistakes.push_back({tls.client_ca_file.empty() ? "tls_crl" : "tls_client_ca",
                        "no client certificate is asked for: set tls_client_certificates to \"optional\" or "
                        "\"required\", or remove this line"});
  }
}

void check_certificate_user(const net::ListenerRules& rules, Mistakes& mistakes) {
  using net::CertificateUser;
  if (rules.certificate_user == CertificateUser::none) return;
  const bool asks = is_secure(rules.transport) && rules.tls.client_certificates != net::ClientCertificates::none;
  const bool by_proxy = !is_secure(rules.transport) && rules.proxy_protocol == net::ProxyProtocol::required &&
                        rules.certificate_user == CertificateUser::common_name;
  if (asks || by_proxy) return;
  mistakes.push_back({"certificate_user",
                      "nobody shows a certificate here: set tls_client_certificates, or, for the common_name that a "
                      "proxy tells, proxy_protocol without TLS of the server's own"});
}

void check_ranges(std::string_view key, const std::vector<std::string>& texts, Mistakes& mistakes) {
  for (const std::string& text : texts) {
    if (net::parse_address_range(text)) continue;
    mistakes.push_back(
        {std::string(key), fmt::format("\"{}\" is no address and no range of addresses, as \"10.0.0.7\" or "
                                       "\"10.0.0.0/8\" (with no bits behind the prefix)",
                                       text)});
  }
}

void check_proxies(const Listener& listener, Mistakes& mistakes) {
  const net::ListenerRules& rules = listener.rules;
  const bool is_on = rules.proxy_protocol == net::ProxyProtocol::required;
  if (is_on && rules.trusted_proxies.empty() && !listener.where().is_unix()) {
    mistakes.push_back({"proxy_protocol",
                        "say in trusted_proxies who may send PROXY headers, as in [\"10.0.0.7\"]: whoever may, can "
                        "claim any address"});
  }
  if (!is_on && !rules.trusted_proxies.empty()) {
    mistakes.push_back({"trusted_proxies", "nobody's PROXY header is read here: set proxy_protocol, or remove this"});
  }
  check_ranges("trusted_proxies", rules.trusted_proxies, mistakes);
  check_ranges("unlimited_addresses", rules.unlimited_addresses, mistakes);
}

}  // namespace

std::vector<ListenerMistake> check_listener(const Listener& listener) {
  Mistakes mistakes;
  check_tls(listener.rules, mistakes);
  check_certificate_user(listener.rules, mistakes);
  if (listener.protocol == Protocol::http) {
    if (is_websocket(listener.rules.transport)) mistakes.push_back({"transport", "HTTP has \"tcp\" and \"tls\""});
    return mistakes;
  }
  check_address(listener, mistakes);
  check_proxies(listener, mistakes);
  if (!listener.rules.websocket_origins.empty() && !is_websocket(listener.rules.transport)) {
    mistakes.push_back({"websocket_origins", "websocket_origins is for transport = \"ws\" or \"wss\""});
  }
  return mistakes;
}

}  // namespace bitacora::app
