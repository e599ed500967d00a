// Paho C++, mqtt::client: the blocking client (libpaho-mqttpp3).
#include <mqtt/client.h>

#include "paho_cpp.h"

namespace bitacora::e2e {
namespace {

class SyncCppClient : public Client {
 public:
  SyncCppClient(const Peer& peer, const std::string& client_id)
      : peer_(peer), client_(peer.uri, client_id, mqtt::create_options(static_cast<int>(peer.version))) {
    client_.set_timeout(std::chrono::seconds(patience_s));
    client_.start_consuming();
  }

  std::optional<bool> connect(Session session, const std::optional<Message>& will) override {
    return client_.connect(connect_options_of(peer_, session, will)).is_session_present();
  }
  // Paho C++ 1.2 moves the options on its way and loses their properties, with them the session's expiry.
  [[nodiscard]] bool can_keep_session() const override { return peer_.version != Version::v5; }
  void subscribe(const std::string& filter, int qos) override { (void)client_.subscribe(filter, qos); }
  void publish(const Message& message) override { client_.publish(to_paho(message)); }
  Message receive() override {
    mqtt::const_message_ptr message;
    (void)client_.try_consume_message_for(&message, std::chrono::seconds(patience_s));
    return from_paho(message);
  }
  void disconnect() override {
    client_.disconnect();
    occupy_descriptor_of_closed_socket();
  }

 private:
  Peer peer_;
  mqtt::client client_;
};

}  // namespace

std::unique_ptr<Client> make_client(const Peer& peer, const std::string& client_id) {
  return std::make_unique<SyncCppClient>(peer, client_id);
}

}  // namespace bitacora::e2e
