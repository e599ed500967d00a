// Paho C, MQTTAsync: every answer comes by callback, on the library's thread (libpaho-mqtt3as).
#include <MQTTAsync.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <stdexcept>

#include "client.h"
#include "property_list.h"

namespace bitacora::e2e {
namespace {

constexpr std::chrono::seconds patience{Client::patience_s};

void check(int code, const char* what) {
  if (code != MQTTASYNC_SUCCESS) {
    const char* const text = MQTTAsync_strerror(code);
    throw std::runtime_error(std::string(what) + ": " + (text != nullptr ? text : std::to_string(code)));
  }
}

// What an operation came to: the callbacks of all operations and versions end here. Lives until wait() has returned.
class Outcome {
 public:
  // Sets the callbacks of connect, disconnect, subscribe and send, whose options spell them alike.
  template <class Options>
  void hook_into(Options& options, Version version) {
    options.context = this;
    if (version == Version::v5) {
      options.onSuccess5 = [](void* self, MQTTAsync_successData5* data) {
        succeed(self, data != nullptr ? data->alt.connect.sessionPresent : 0);
      };
      options.onFailure5 = [](void* self, MQTTAsync_failureData5* data) {
        fail(self, data->message, data->code != 0 ? data->code : data->reasonCode);
      };
    } else {
      options.onSuccess = [](void* self, MQTTAsync_successData* data) {
        succeed(self, data != nullptr ? data->alt.connect.sessionPresent : 0);
      };
      options.onFailure = [](void* self, MQTTAsync_failureData* data) {
        fail(self, data != nullptr ? data->message : nullptr, data != nullptr ? data->code : 0);
      };
    }
  }

  // After connect: whether the session was present.
  int wait(const char* what) {
    auto result = result_.get_future();
    if (result.wait_for(patience) != std::future_status::ready) {
      throw std::runtime_error(std::string(what) + ": no callback came");
    }
    return result.get();
  }

 private:
  static void succeed(void* self, int value) { static_cast<Outcome*>(self)->result_.set_value(value); }
  static void fail(void* self, const char* message, int code) {
    const std::string text =
        (message != nullptr ? std::string(message) + ", " : std::string()) + "code " + std::to_string(code);
    static_cast<Outcome*>(self)->result_.set_exception(std::make_exception_ptr(std::runtime_error(text)));
  }

  std::promise<int> result_;
};

class AsyncCClient : public Client {
 public:
  AsyncCClient(const Peer& peer, const std::string& client_id) : peer_(peer) {
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = static_cast<int>(peer.version);
    check(MQTTAsync_createWithOptions(&handle_, peer.uri.c_str(), client_id.c_str(), MQTTCLIENT_PERSISTENCE_NONE,
                                      nullptr, &options),
          "MQTTAsync_create");
    check(MQTTAsync_setCallbacks(handle_, this, nullptr, &AsyncCClient::on_message, nullptr), "MQTTAsync_setCallbacks");
  }
  ~AsyncCClient() override { MQTTAsync_destroy(&handle_); }

  std::optional<bool> connect(Session session, const std::optional<Message>& will) override {
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    if (!peer_.trust_store.empty()) tls.trustStore = peer_.trust_store.c_str();
    MQTTAsync_willOptions will_options = MQTTAsync_willOptions_initializer;
    if (will) {
      will_options.topicName = will->topic.c_str();
      will_options.message = will->payload.c_str();
      will_options.qos = will->qos;
      will_options.retained = will->retained == Retained::yes ? 1 : 0;
    }
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (is_5()) options = MQTTAsync_connectOptions_initializer5;
    PropertyList properties;
    if (is_5()) {
      options.cleanstart = session == Session::clean ? 1 : 0;
      if (session == Session::kept) properties.add_session_expiry(kept_session_s);
      options.connectProperties = properties.get();
    } else {
      options.cleansession = session == Session::clean ? 1 : 0;
    }
    options.MQTTVersion = static_cast<int>(peer_.version);
    options.ssl = &tls;
    if (will) options.will = &will_options;
    Outcome outcome;
    outcome.hook_into(options, peer_.version);
    check(MQTTAsync_connect(handle_, &options), "MQTTAsync_connect");
    return outcome.wait("MQTTAsync_connect") != 0;
  }

  void subscribe(const std::string& filter, int qos) override {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    Outcome outcome;
    outcome.hook_into(options, peer_.version);
    check(MQTTAsync_subscribe(handle_, filter.c_str(), qos, &options), "MQTTAsync_subscribe");
    outcome.wait("MQTTAsync_subscribe");
  }

  void publish(const Message& message) override {
    PropertyList properties(message.user_properties);
    MQTTAsync_message out = MQTTAsync_message_initializer;
    out.payload = const_cast<char*>(message.payload.data());
    out.payloadlen = static_cast<int>(message.payload.size());
    out.qos = message.qos;
    out.retained = message.retained == Retained::yes ? 1 : 0;
    out.properties = *properties.get();
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    Outcome outcome;
    outcome.hook_into(options, peer_.version);
    check(MQTTAsync_sendMessage(handle_, message.topic.c_str(), &out, &options), "MQTTAsync_sendMessage");
    outcome.wait("MQTTAsync_sendMessage");
  }

  Message receive() override {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, patience, [this] { return !arrived_.empty(); })) throw std::runtime_error("nothing came");
    Message message = std::move(arrived_.front());
    arrived_.pop_front();
    return message;
  }

  void disconnect() override {
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    Outcome outcome;
    outcome.hook_into(options, peer_.version);
    check(MQTTAsync_disconnect(handle_, &options), "MQTTAsync_disconnect");
    outcome.wait("MQTTAsync_disconnect");
    occupy_descriptor_of_closed_socket();
  }

 private:
  [[nodiscard]] bool is_5() const { return peer_.version == Version::v5; }

  static int on_message(void* self, char* topic, int topic_size, MQTTAsync_message* in) {
    auto& client = *static_cast<AsyncCClient*>(self);
    // A size of 0 says that the topic ends with its NUL.
    Message message{
        .topic = topic_size > 0 ? std::string(topic, static_cast<std::size_t>(topic_size)) : std::string(topic),
        .payload = std::string(static_cast<const char*>(in->payload), static_cast<std::size_t>(in->payloadlen)),
        .qos = in->qos,
        .retained = in->retained != 0 ? Retained::yes : Retained::no,
        .user_properties = user_properties_of(in->properties)};
    {
      const std::lock_guard lock(client.mutex_);
      client.arrived_.push_back(std::move(message));
    }
    client.came_.notify_one();
    MQTTAsync_freeMessage(&in);
    MQTTAsync_free(topic);
    return 1;
  }

  Peer peer_;
  MQTTAsync handle_ = nullptr;
  std::mutex mutex_;  // of what follows
  std::condition_variable came_;
  std::deque<Message> arrived_;
};

}  // namespace

std::unique_ptr<Client> make_client(const Peer& peer, const std::string& client_id) {
  return std::make_unique<AsyncCClient>(peer, client_id);
}

}  // namespace bitacora::e2e
