// The measurements, one function each. All throw std::runtime_error where the server cannot be reached or refuses.
#pragma once

#include <cstdint>
#include <string>

#include "client.h"
#include "report.h"

namespace bitacora::bench {

struct LoadSettings {
  Address address;
  Version version = Version::v3_1_1;
  std::uint8_t qos = 1;
  std::uint32_t publishers = 10;
  std::uint16_t window = 20;         // of each publisher
  std::size_t payload = 64;          // bytes
  std::uint32_t topics = 1;          // of each publisher: <prefix>/<publisher>/<topic>
  std::uint64_t messages = 100'000;  // all publishers together; 0: as many as fit in duration_s
  double duration_s = 0;
  double rate = 0;               // messages/s, all publishers together; 0: closed loop
  double patience_s = 10;        // how long nothing may come before what is missing counts as lost
  std::string prefix;            // empty: "bench/<run>"
  std::uint32_t bystanders = 0;  // subscriptions that match nothing of it, in the server all the while
  int server_pid = 0;            // 0: the server's use of the machine is not looked at
  std::uint32_t run = 0;         // this run's own number
};

// Publishes and waits for the acknowledgements; for QoS 0 until each connection's PINGREQ behind the last publish is
// answered. `verify_filter`, if not empty, is subscribed to afterwards and must bring back all that was acknowledged:
// '$replay/earliest/bench/#'.
[[nodiscard]] Report run_publish(const LoadSettings& load, const std::string& verify_filter);

struct SubscribeSettings {
  std::string filter = "bench/#";
  std::uint32_t subscribers = 1;
  std::uint64_t messages = 0;  // of each subscriber, after which it has all; 0: until duration_s or patience_s
};
// Counts what comes: live from another program's publishing, or a replay.
[[nodiscard]] Report run_subscribe(const LoadSettings& load, const SubscribeSettings& subscribe);

enum class Topology : std::uint8_t {
  fan_out,  // every subscriber gets what every publisher sends
  pairs,    // subscriber i gets what publisher i sends
};
struct PubsubSettings {
  Topology topology = Topology::fan_out;
  std::uint32_t subscribers = 1;  // pairs: as many as publishers
  std::uint8_t subscribe_qos = 1;
};
// Publishes and receives in one process; latency from due to received.
[[nodiscard]] Report run_pubsub(const LoadSettings& load, const PubsubSettings& pubsub);

// Persistent subscribers subscribe and leave, messages are published, the subscribers come back.
[[nodiscard]] Report run_resume(const LoadSettings& load, std::uint32_t subscribers);

// Takes connections at `address` and acknowledges everything at once, without doing anything: what the loader reaches
// against it is the loader's own limit. Writes "mqtt=<port>" to `ports_file` unless it is empty. Ends with SIGINT or
// SIGTERM.
void run_null_server(const Address& address, const std::string& ports_file);

}  // namespace bitacora::bench
