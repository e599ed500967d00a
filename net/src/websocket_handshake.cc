#include "websocket_handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>
#include <string_view>

#include "base/assert.h"
#include "net/ip_address.h"

namespace bitacora::net {
namespace {

namespace http = boost::beast::http;
using Request = http::request<http::empty_body>;

constexpr std::size_t key_size = 24;  // 16 bytes in base64 [RFC 6455 section 4.1]

std::string_view text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

UpgradeAnswer refuse(std::string_view status, std::string why, std::string_view headers = {}) {
  const std::string body = why + "\n";
  std::string response = "HTTP/1.1 " + std::string(status) + "\r\nConnection: close\r\n" + std::string(headers) +
                         "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                         body;
  return {to_bytes(response), std::string(status) + ": " + why};
}

// [RFC 6455 section 4.2.2, 5.4]
std::string accept_value(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_size = 0;
  const int hashed = EVP_Digest(text.data(), text.size(), digest.data(), &digest_size, EVP_sha1(), nullptr);
  BITACORA_ASSERT(hashed == 1);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64{};
  const int size = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest_size));
  return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(size)};
}

bool is_key(std::string_view key) {
  if (key.size() != key_size || !key.ends_with("==")) return false;
  std::array<unsigned char, key_size> decoded{};
  return EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(key.data()), key_size) > 0;
}

bool has_token(const Request& request, http::field field, boost::beast::string_view token) {
  return http::token_list(request[field]).exists(token);
}

// "mqtt" [MQTT-6.0.0-4], or what clients of MQTT 3.1 ask for; the client's order does not count.
std::optional<std::string_view> chosen_protocol(const Request& request) {
  for (const std::string_view known : {"mqtt", "mqttv3.1"}) {
    if (has_token(request, http::field::sec_websocket_protocol, {known.data(), known.size()})) return known;
  }
  return std::nullopt;
}

// A name that nobody can point at this machine from outside: a page from it is a page from here.
bool is_beyond_rebinding(std::string_view authority) {
  if (authority.starts_with('[')) return true;
  const std::string host(authority.substr(0, authority.rfind(':')));
  return host == "localhost" || parse_ip_address(host).has_value();
}

// A browser says which page wants the connection. A page of this very server may have it: by TLS no other can claim its
// name, without TLS only numbers and localhost are sure. Others must be listed.
bool is_welcome(const std::string& origin, std::string_view host, const ListenerRules& rules) {
  const auto& listed = rules.websocket_origins;
  if (std::find(listed.begin(), listed.end(), "*") != listed.end()) return true;
  if (std::find(listed.begin(), listed.end(), origin) != listed.end()) return true;
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == std::string::npos) return false;
  const std::string_view authority = std::string_view(origin).substr(scheme_end + 3);
  return authority == host && (is_secure(rules.transport) || is_beyond_rebinding(authority));
}

std::optional<UpgradeAnswer> why_not(const Request& request, const ListenerRules& rules) {
  const std::string_view target = text_of(request.target());
  if (request.method() != http::verb::get || request.version() != 11) {
    return refuse("400 Bad Request", "a WebSocket begins with GET and HTTP/1.1");
  }
  if (target.substr(0, target.find('?')) != rules.websocket_path) {
    return refuse("404 Not Found", "MQTT is at " + rules.websocket_path);
  }
  const bool has_body = request.count(http::field::content_length) + request.count(http::field::transfer_encoding) > 0;
  if (!has_token(request, http::field::connection, "upgrade") ||
      !has_token(request, http::field::upgrade, "websocket") || request[http::field::host].empty() || has_body) {
    return refuse("400 Bad Request", "this is no request for a WebSocket");
  }
  if (request[http::field::sec_websocket_version] != "13") {
    return refuse("426 Upgrade Required", "the version of WebSocket must be 13", "Sec-WebSocket-Version: 13\r\n");
  }
  if (!is_key(text_of(request[http::field::sec_websocket_key]))) {
    return refuse("400 Bad Request", "Sec-WebSocket-Key must be 16 bytes in base64");
  }
  if (!chosen_protocol(request)) {
    return refuse("400 Bad Request", "the sub-protocol must be mqtt or mqttv3.1");
  }
  const std::string origin(text_of(request[http::field::origin]));
  if (!origin.empty() && !is_welcome(origin, text_of(request[http::field::host]), rules)) {
    return refuse("403 Forbidden", "pages of " + origin + " may not connect: it is not in the listener's origins");
  }
  return std::nullopt;
}

}  // namespace

UpgradeAnswer answer_upgrade(ByteView head, const ListenerRules& rules) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(max_upgrade_request);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done()) return refuse("400 Bad Request", "this is not HTTP");
  const Request& request = parser.get();
  if (auto refusal = why_not(request, rules)) return std::move(*refusal);
  const std::string key(text_of(request[http::field::sec_websocket_key]));
  return {to_bytes(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_value(key) + "\r\nSec-WebSocket-Protocol: " + std::string(*chosen_protocol(request)) + "\r\n\r\n")};
}

UpgradeAnswer refuse_large_request() {
  return refuse("431 Request Header Fields Too Large",
                "the request is larger than " + std::to_string(max_upgrade_request) + " bytes");
}

}  // namespace bitacora::net
