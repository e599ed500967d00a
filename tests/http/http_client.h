// A blocking HTTP client on loopback: small, and able to send what a proper client would not.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitacora::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers{};
  std::string body{};
  std::string host = "localhost";
  unsigned version = 11;
};

struct Response {
  unsigned status = 0;
  Headers headers;
  std::string body;
  [[nodiscard]] std::string header(std::string_view name) const;  // "" if it is absent
};

// One server-sent event; comments come as events with `comment` set.
struct ServerEvent {
  std::string id;
  std::string event;
  std::string data;
  std::string comment;
};

class HttpClient {
 public:
  // How long anything may take before a test gives up on it, by an exception.
  static constexpr std::chrono::seconds patience{20};

  explicit HttpClient(std::uint16_t port);
  HttpClient(HttpClient&&) noexcept;
  ~HttpClient();

  Response request(const ClientRequest& request);  // connects if it must; keeps the connection
  void send(const ClientRequest& request);         // without waiting for the answer
  void send_raw(std::string_view bytes);
  Response receive(bool to_head = false);
  // Whether the server has closed the connection (waits for it); what it sent before is thrown away.
  bool closed_by_server();

  // Sends GET /tail... and reads the status line; then next_event() one after the other.
  Response open_tail(const std::string& target, const Headers& headers = {});
  ServerEvent next_event(bool with_comments = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::http
