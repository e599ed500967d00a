// Readings of the log for the witness, through the service behind the HTTP door.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "sim/broker_world.h"
#include "simulator/witness.h"

namespace bitacora::sim {

class LogReader {
 public:
  LogReader(BrokerWorld& world, Witness& witness) : world_(world), witness_(witness) {}

  // Every partition of the clients' logs, from its log start.
  void read_all();
  // The same from where the last reading ended: what nobody has looked at yet. False: some of it could not be read.
  bool read_new();
  // One partition from `from` on, which is brought into its bounds. False: not to its end.
  bool read(storage::Partition& partition, storage::Offset from);
  // What a client was given by a replay of everything, held against the same invariants.
  struct Given {
    std::string topic;
    std::string payload;
    proof::Place place;
  };
  void take_replay(const std::vector<Given>& given);

 private:
  BrokerWorld& world_;
  Witness& witness_;
  std::map<std::pair<std::string, std::int32_t>, storage::Offset> next_;
};

}  // namespace bitacora::sim
