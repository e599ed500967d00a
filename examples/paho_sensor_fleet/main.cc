// A fleet of sensors on Paho MQTT C++: each publishes its readings at QoS 1 over MQTT 5.0 and counts those that were
// acknowledged. Nothing here knows of bitacora; what it adds is what an acknowledgement is worth: the reading is in the
// log.
//
//   paho_sensor_fleet [tcp://127.0.0.1:1883 [sensors [readings]]]
#include <mqtt/async_client.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

// What sensor `number` measures at its `turn`: something to look at, the same in each run.
std::string reading(int number, int turn) { return std::to_string(20.0 + std::sin(0.3 * turn + number)).substr(0, 5); }

struct Sensor {
  std::string topic;
  std::unique_ptr<mqtt::async_client> client;
  std::vector<mqtt::delivery_token_ptr> in_flight;
};

Sensor connect_sensor(const std::string& address, int number) {
  const std::string name = "sensor-" + std::to_string(number);
  Sensor sensor{"fleet/" + name + "/temp",
                std::make_unique<mqtt::async_client>(address, name, mqtt::create_options(MQTTVERSION_5)),
                {}};
  auto options = mqtt::connect_options_builder().mqtt_version(MQTTVERSION_5).clean_start(true).finalize();
  sensor.client->connect(options)->wait();
  return sensor;
}

void publish(Sensor& sensor, const std::string& value) {
  const mqtt::properties properties{{mqtt::property::USER_PROPERTY, "unit", "C"}};
  auto message =
      mqtt::message_ptr_builder().topic(sensor.topic).payload(value).qos(1).properties(properties).finalize();
  sensor.in_flight.push_back(sensor.client->publish(message));
}

// Waits for each PUBACK. It throws where the server refused the reading, for example because the disk is full: a
// reading without a good PUBACK must be kept and sent again. (The PUBACK also says in which log, partition and offset
// the reading is; this version of Paho C++ does not hand that on. See mosquitto_receipts for it.)
int count_acknowledged(Sensor& sensor) {
  int count = 0;
  for (const auto& token : sensor.in_flight) {
    token->wait();
    ++count;
  }
  sensor.in_flight.clear();
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "tcp://127.0.0.1:1883";
  const int sensors = argc > 2 ? std::atoi(argv[2]) : 10;
  const int readings = argc > 3 ? std::atoi(argv[3]) : 20;
  try {
    std::vector<Sensor> fleet;
    for (int number = 0; number < sensors; ++number) fleet.push_back(connect_sensor(address, number));

    // All sensors publish a reading before anyone waits: the server writes them together, with one sync of the disk.
    int acknowledged = 0;
    for (int turn = 0; turn < readings; ++turn) {
      for (int number = 0; number < sensors; ++number) {
        publish(fleet[static_cast<std::size_t>(number)], reading(number, turn));
      }
      for (Sensor& sensor : fleet) acknowledged += count_acknowledged(sensor);
    }
    for (Sensor& sensor : fleet) sensor.client->disconnect()->wait();

    std::cout << acknowledged << " readings acknowledged: they are in the log. See them again with\n"
              << "  mosquitto_sub -t '$replay/earliest/fleet/#' -v\n";
    return acknowledged == sensors * readings ? 0 : 1;
  } catch (const mqtt::exception& error) {
    std::cerr << "MQTT: " << error.what() << "\n";
    return 1;
  }
}
