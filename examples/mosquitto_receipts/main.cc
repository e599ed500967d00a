// Receipts: over MQTT 5.0 each PUBACK says where the message lies in the log, as user properties log, partition,
// offset, ts. With that a publisher can tell others what to read, or find its own message again: one partition, one
// offset.
//
//   mosquitto_receipts [host [port [count]]]
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

constexpr const char* topic = "receipts/demo";

struct Publisher {
  int wanted = 0;
  int answered = 0;
};

// The user properties of an acknowledgement.
std::map<std::string, std::string> user_properties(const mosquitto_property* from) {
  std::map<std::string, std::string> found;
  char* name = nullptr;
  char* value = nullptr;
  from = mosquitto_property_read_string_pair(from, MQTT_PROP_USER_PROPERTY, &name, &value, false);
  while (from != nullptr) {
    found[name] = value;
    std::free(name);
    std::free(value);
    from = mosquitto_property_read_string_pair(from, MQTT_PROP_USER_PROPERTY, &name, &value, true);
  }
  return found;
}

void on_connect(mosquitto* client, void* context, int, int, const mosquitto_property*) {
  for (int number = 0; number < static_cast<Publisher*>(context)->wanted; ++number) {
    const std::string payload = "message " + std::to_string(number);
    mosquitto_publish_v5(client, nullptr, topic, static_cast<int>(payload.size()), payload.data(), 1, false, nullptr);
  }
}

void on_publish(mosquitto* client, void* context, int message_id, int reason, const mosquitto_property* properties) {
  auto& publisher = *static_cast<Publisher*>(context);
  auto receipt = user_properties(properties);
  if (reason < 128 && receipt.count("offset") > 0) {
    std::printf("message %d is in log %s, partition %s, offset %s, at %s ms\n", message_id, receipt["log"].c_str(),
                receipt["partition"].c_str(), receipt["offset"].c_str(), receipt["ts"].c_str());
  } else {
    std::printf("message %d was answered with reason %d and no receipt\n", message_id, reason);
  }
  if (++publisher.answered == publisher.wanted) mosquitto_disconnect(client);
}

}  // namespace

int main(int argc, char** argv) {
  const char* const host = argc > 1 ? argv[1] : "127.0.0.1";
  const int port = argc > 2 ? std::atoi(argv[2]) : 1883;
  Publisher publisher{argc > 3 ? std::atoi(argv[3]) : 5};

  mosquitto_lib_init();
  mosquitto* const client = mosquitto_new(nullptr, true, &publisher);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_connect_v5_callback_set(client, on_connect);
  mosquitto_publish_v5_callback_set(client, on_publish);
  const int error = mosquitto_connect(client, host, port, 60);
  if (error == MOSQ_ERR_SUCCESS) {
    mosquitto_loop_forever(client, -1, 1);
  } else {
    std::fprintf(stderr, "cannot connect to %s:%d: %s\n", host, port, mosquitto_strerror(error));
  }
  mosquitto_destroy(client);
  mosquitto_lib_cleanup();
  return publisher.answered == publisher.wanted ? 0 : 1;
}
