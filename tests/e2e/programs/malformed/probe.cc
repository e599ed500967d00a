#include "probe.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "net/mqtt_client.h"

namespace bitacora::e2e {

using std::chrono::microseconds;
using std::chrono::steady_clock;

Probe::Probe(std::uint16_t port) : thread_([this, port] { run(port); }) {}

Probe::~Probe() {
  is_over_ = true;
  thread_.join();
}

void Probe::run(std::uint16_t port) {
  try {
    measure(port);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
}

void Probe::measure(std::uint16_t port) {
  net::MqttClient client(port);
  if (mqtt::is_error(client.connect("probe").reason)) throw std::runtime_error("the probe was refused");
  client.subscribe("probe", mqtt::QoS::at_least_once);
  auto due = steady_clock::now();
  for (int number = 0; !is_over_; ++number) {
    std::this_thread::sleep_until(due);
    const std::string payload = std::to_string(number);
    if (mqtt::is_error(client.publish("probe", payload))) throw std::runtime_error("a probe was refused");
    if (const auto message = client.next_message(); message.payload != payload) {
      throw std::runtime_error("probe " + payload + " was to come, " + message.payload + " came");
    }
    const std::lock_guard lock(mutex_);
    measured_.push_back(std::chrono::duration_cast<microseconds>(steady_clock::now() - due));
    due += interval;
  }
  client.disconnect();
}

Latencies Probe::take() {
  std::vector<microseconds> taken;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    taken.swap(measured_);
  }
  if (taken.empty()) return {};
  std::sort(taken.begin(), taken.end());
  return {.count = taken.size(),
          .p50 = taken[taken.size() / 2],
          .p99 = taken[taken.size() * 99 / 100],
          .max = taken.back()};
}

}  // namespace bitacora::e2e
