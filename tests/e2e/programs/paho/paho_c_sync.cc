// Paho C, MQTTClient: the blocking library (libpaho-mqtt3cs).
#include <MQTTClient.h>

#include <stdexcept>

#include "client.h"
#include "property_list.h"

namespace bitacora::e2e {
namespace {

constexpr unsigned long patience_ms = Client::patience_s * 1000UL;

void check(int code, const char* what) {
  if (code != MQTTCLIENT_SUCCESS) {
    const char* const text = MQTTClient_strerror(code);
    throw std::runtime_error(std::string(what) + ": " + (text != nullptr ? text : std::to_string(code)));
  }
}

// Takes the response of a 5.0 call apart and frees it.
void check(MQTTResponse response, const char* what) {
  const int code = response.reasonCode;  // negative: the library's own error
  MQTTResponse_free(response);
  if (code < 0) check(code, what);
  if (code >= 0x80) throw std::runtime_error(std::string(what) + ": reason code " + std::to_string(code));
}

class SyncCClient : public Client {
 public:
  SyncCClient(const Peer& peer, const std::string& client_id) : peer_(peer) {
    MQTTClient_createOptions options = MQTTClient_createOptions_initializer;
    options.MQTTVersion = static_cast<int>(peer.version);
    check(MQTTClient_createWithOptions(&handle_, peer.uri.c_str(), client_id.c_str(), MQTTCLIENT_PERSISTENCE_NONE,
                                       nullptr, &options),
          "MQTTClient_create");
    MQTTClient_setCommandTimeout(handle_, patience_ms);
  }
  ~SyncCClient() override { MQTTClient_destroy(&handle_); }

  std::optional<bool> connect(Session session, const std::optional<Message>& will) override {
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    if (!peer_.trust_store.empty()) tls.trustStore = peer_.trust_store.c_str();
    MQTTClient_willOptions will_options = MQTTClient_willOptions_initializer;
    if (will) {
      will_options.topicName = will->topic.c_str();
      will_options.message = will->payload.c_str();
      will_options.qos = will->qos;
      will_options.retained = will->retained == Retained::yes ? 1 : 0;
    }
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    if (is_5()) options = MQTTClient_connectOptions_initializer5;
    options.MQTTVersion = static_cast<int>(peer_.version);
    options.ssl = &tls;
    if (will) options.will = &will_options;
    if (!is_5()) {
      options.cleansession = session == Session::clean ? 1 : 0;
      check(MQTTClient_connect(handle_, &options), "MQTTClient_connect");
    } else {
      options.cleanstart = session == Session::clean ? 1 : 0;
      PropertyList properties;
      if (session == Session::kept) properties.add_session_expiry(kept_session_s);
      check(MQTTClient_connect5(handle_, &options, properties.get(), nullptr), "MQTTClient_connect5");
    }
    if (is_5()) return std::nullopt;  // Paho C 1.3 has it in the CONNACK and does not hand it on
    return options.returned.sessionPresent != 0;
  }

  void subscribe(const std::string& filter, int qos) override {
    if (is_5()) {
      check(MQTTClient_subscribe5(handle_, filter.c_str(), qos, nullptr, nullptr), "MQTTClient_subscribe5");
    } else {
      check(MQTTClient_subscribe(handle_, filter.c_str(), qos), "MQTTClient_subscribe");
    }
  }

  void publish(const Message& message) override {
    PropertyList properties(message.user_properties);
    MQTTClient_message out = MQTTClient_message_initializer;
    out.payload = const_cast<char*>(message.payload.data());
    out.payloadlen = static_cast<int>(message.payload.size());
    out.qos = message.qos;
    out.retained = message.retained == Retained::yes ? 1 : 0;
    out.properties = *properties.get();
    MQTTClient_deliveryToken token = 0;
    if (is_5()) {
      check(MQTTClient_publishMessage5(handle_, message.topic.c_str(), &out, &token), "MQTTClient_publishMessage5");
    } else {
      check(MQTTClient_publishMessage(handle_, message.topic.c_str(), &out, &token), "MQTTClient_publishMessage");
    }
    if (message.qos > 0)
      check(MQTTClient_waitForCompletion(handle_, token, patience_ms), "MQTTClient_waitForCompletion");
  }

  Message receive() override {
    char* topic = nullptr;
    int topic_size = 0;
    MQTTClient_message* in = nullptr;
    const int code = MQTTClient_receive(handle_, &topic, &topic_size, &in, patience_ms);
    if (in == nullptr) check(code < 0 ? code : MQTTCLIENT_FAILURE, "MQTTClient_receive: nothing came");
    Message message{
        .topic = std::string(topic, static_cast<std::size_t>(topic_size)),
        .payload = std::string(static_cast<const char*>(in->payload), static_cast<std::size_t>(in->payloadlen)),
        .qos = in->qos,
        .retained = in->retained != 0 ? Retained::yes : Retained::no,
        .user_properties = user_properties_of(in->properties)};
    MQTTClient_freeMessage(&in);
    MQTTClient_free(topic);
    return message;
  }

  void disconnect() override {
    check(MQTTClient_disconnect(handle_, static_cast<int>(patience_ms)), "MQTTClient_disconnect");
  }

 private:
  [[nodiscard]] bool is_5() const { return peer_.version == Version::v5; }

  Peer peer_;
  MQTTClient handle_ = nullptr;
};

}  // namespace

std::unique_ptr<Client> make_client(const Peer& peer, const std::string& client_id) {
  return std::make_unique<SyncCClient>(peer, client_id);
}

}  // namespace bitacora::e2e
