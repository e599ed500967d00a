// A client of the HTTP door, at the service behind it: it produces, and moves a group's offsets.
#pragma once

#include <map>
#include <string>

#include "sim/broker_world.h"
#include "simulator/witness.h"

namespace bitacora::sim {

class HttpActor {
 public:
  HttpActor(BrokerWorld& world, Witness& witness, std::string name)
      : world_(world), witness_(witness), name_(std::move(name)) {}

  void produce(const std::string& log, const std::string& topic);
  // Sends again what it has heard nothing of, at the most once: the connection is gone with the server.
  void on_server_started();
  // Takes in the answers.
  void step();
  // The server has ended with these answers, which no client has had: the witness is told which of them are refusals.
  void tell_unheard(const std::vector<bridge::Produced>& answers);
  // Commits a position somewhere in what is readable, and reads it back. `back`: to the log start, which is a reset.
  enum class Move : std::uint8_t { forward, back };
  void commit(storage::Partition& partition, storage::Offset by, Move move);

  [[nodiscard]] bool idle() const noexcept { return pending_.empty(); }

 private:
  struct Sent {
    std::string log;
    std::string topic;
    std::uint32_t sequence = 0;
  };
  void send(const Sent& sent);

  BrokerWorld& world_;
  Witness& witness_;
  std::string name_;
  std::uint32_t next_sequence_ = 0;
  std::map<bridge::ProduceId, Sent> pending_;
  std::map<std::pair<std::string, std::int32_t>, storage::Offset> committed_;
};

}  // namespace bitacora::sim
