// Paho C++, mqtt::async_client: each call gives a token to wait for (libpaho-mqttpp3).
#include <mqtt/async_client.h>

#include "paho_cpp.h"

namespace bitacora::e2e {
namespace {

class AsyncCppClient : public Client {
 public:
  AsyncCppClient(const Peer& peer, const std::string& client_id)
      : peer_(peer), client_(peer.uri, client_id, mqtt::create_options(static_cast<int>(peer.version))) {
    client_.start_consuming();
  }

  std::optional<bool> connect(Session session, const std::optional<Message>& will) override {
    const mqtt::token_ptr token = client_.connect(connect_options_of(peer_, session, will));
    wait(*token, "connect");
    return token->get_connect_response().is_session_present();
  }
  void subscribe(const std::string& filter, int qos) override { wait(*client_.subscribe(filter, qos), "subscribe"); }
  void publish(const Message& message) override { wait(*client_.publish(to_paho(message)), "publish"); }
  Message receive() override {
    mqtt::const_message_ptr message;
    (void)client_.try_consume_message_for(&message, std::chrono::seconds(patience_s));
    return from_paho(message);
  }
  void disconnect() override {
    wait(*client_.disconnect(), "disconnect");
    occupy_descriptor_of_closed_socket();
  }

 private:
  static void wait(mqtt::token& token, const char* what) {
    if (!token.wait_for(std::chrono::seconds(patience_s))) throw std::runtime_error(std::string(what) + " did not end");
  }

  Peer peer_;
  mqtt::async_client client_;
};

}  // namespace

std::unique_ptr<Client> make_client(const Peer& peer, const std::string& client_id) {
  return std::make_unique<AsyncCppClient>(peer, client_id);
}

}  // namespace bitacora::e2e
