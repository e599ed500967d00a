// What the scenario in main.cc asks of a client library. Each library has one file here that makes a Client of it, and
// each such file one program: Paho C's two libraries cannot live in one process.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitacora::e2e {

enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };  // as Paho numbers them
enum class Session : std::uint8_t { clean, kept };
enum class Retained : std::uint8_t { no, yes };

using UserProperties = std::vector<std::pair<std::string, std::string>>;

struct Message {
  std::string topic;
  std::string payload;
  int qos = 0;
  Retained retained = Retained::no;
  UserProperties user_properties{};  // 5.0

  bool operator==(const Message&) const = default;
};

// What one program run is told; the same for all its clients.
struct Peer {
  std::string uri;  // tcp://, ssl://, ws://, wss://
  Version version = Version::v3_1_1;
  std::string trust_store;  // PEM file of the certificate authority; empty: none
};

// All calls block and throw std::runtime_error when the library reports a failure or nothing came for `patience_s`.
class Client {
 public:
  static constexpr int patience_s = 30;
  static constexpr int kept_session_s = 3600;

  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client() = default;

  // Returns whether the server said that it has the session; nullopt where the library does not tell.
  virtual std::optional<bool> connect(Session session, const std::optional<Message>& will) = 0;
  std::optional<bool> connect(Session session) { return connect(session, std::nullopt); }
  // Whether Session::kept does anything in this version of the library.
  [[nodiscard]] virtual bool can_keep_session() const { return true; }
  virtual void subscribe(const std::string& filter, int qos) = 0;
  // Returns once the library takes the exchange of the message's QoS for complete.
  virtual void publish(const Message& message) = 0;
  // The next message, in the order of arrival. User properties that the server added are left out.
  virtual Message receive() = 0;
  virtual void disconnect() = 0;
};

// For after a disconnect through Paho C's MQTTAsync (1.3.12): its receiving thread may still have an event of the
// closed socket at hand, and takes it for one of whichever client's socket has that number next: that one fails with
// "socket error" before it has sent a byte. So the number is not left to the next one, as long as this process lives.
inline void occupy_descriptor_of_closed_socket() { (void)::open("/dev/null", O_RDONLY | O_CLOEXEC); }

// In the library's own file.
[[nodiscard]] std::unique_ptr<Client> make_client(const Peer& peer, const std::string& client_id);

}  // namespace bitacora::e2e
