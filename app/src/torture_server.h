// The server under torture: this very program as a child process, `bitacora serve` on loopback with ports of its own,
// killed by its process id and started again on the same data.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bitacora::app::torture {

using Status = Result<void, std::string>;  // the error is for a person

struct ServerTerms {
  std::string program{};    // path of the binary
  std::string directory{};  // for data, configuration and the server's own log
  std::string config{};     // text
};

class Server {
 public:
  explicit Server(ServerTerms terms) : terms_(std::move(terms)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  void configure(std::string config) { terms_.config = std::move(config); }  // from the next start on
  // Starts and waits until it is ready. `environment` ("NAME=value") is added to this process's own.
  [[nodiscard]] Status start(const std::vector<std::string>& environment = {});
  // Starts only.
  [[nodiscard]] Status spawn(const std::vector<std::string>& environment = {});
  // Waits until it is ready, or for `patience`: an error if it ended first. False if it is not ready yet.
  [[nodiscard]] Result<bool, std::string> await_ready(std::chrono::milliseconds patience);
  void kill();                  // SIGKILL, and waits for it to be gone
  [[nodiscard]] Status stop();  // SIGTERM; an error if it does not end by itself with 0

  [[nodiscard]] bool is_running();
  // A process that is dying closes its connections before it is gone.
  [[nodiscard]] bool ends_within(std::chrono::milliseconds patience);
  // Whether it went by SIGKILL, be it ours or a failpoint's. An end that nobody ordered is a finding.
  [[nodiscard]] bool was_killed() const noexcept { return was_killed_; }
  [[nodiscard]] std::uint16_t mqtt_port() const noexcept { return mqtt_port_; }
  [[nodiscard]] std::string http_url() const { return "http://127.0.0.1:" + std::to_string(http_port_); }
  [[nodiscard]] pid_t process() const noexcept { return process_; }
  [[nodiscard]] std::string data() const { return terms_.directory + "/data"; }
  [[nodiscard]] std::string log_file() const { return terms_.directory + "/server.log"; }

 private:
  [[nodiscard]] bool read_ports();
  void reap(int status);

  ServerTerms terms_;
  pid_t process_ = -1;
  bool was_killed_ = false;
  int status_ = 0;
  std::uint16_t mqtt_port_ = 0;
  std::uint16_t http_port_ = 0;
};

}  // namespace bitacora::app::torture
