// What connections cost that do nothing: the server's memory before and with them.
#pragma once

#include <cstdint>
#include <string>

#include "client.h"

namespace bitacora::bench {

struct IdleSettings {
  Address address;
  Version version = Version::v3_1_1;
  std::uint32_t connections = 10'000;
  int server_pid = 0;
  std::uint32_t run = 0;  // this run's own number
};

// Resident bytes of the server.
struct IdleReport {
  IdleSettings settings;
  std::uint64_t before = 0;
  std::uint64_t connected = 0;   // every CONNACK came
  std::uint64_t subscribed = 0;  // each to a topic of its own
  std::uint64_t pinged = 0;      // each has sent a PINGREQ and has its answer

  // Bytes a connection by `then`.
  [[nodiscard]] double each(std::uint64_t then) const;
};

// Throws std::runtime_error if a connection is refused or lost, or if the process cannot be looked at.
[[nodiscard]] IdleReport run_idle(const IdleSettings& settings);

void print(const IdleReport& report);
[[nodiscard]] std::string to_json(const IdleReport& report);

}  // namespace bitacora::bench
