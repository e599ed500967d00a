// Three clients and a broker, in an order that the input chooses: packets of any kind and raw bytes, time, disconnects,
// kills and power cuts. Whatever the clients do, the broker goes on, and what it acknowledged is in the log.
#include <array>
#include <memory>
#include <set>
#include <string>

#include "fuzz/fuzz_target.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using mqtt::ProtocolVersion;
using mqtt::QoS;

constexpr std::array<std::string_view, 8> topics{"a", "a/b", "a/b/c", "b", "$x/y", "/", "a//b", "long/er/topic/name"};
constexpr std::array<std::string_view, 12> filters{"a",
                                                   "a/+",
                                                   "#",
                                                   "+/b/#",
                                                   "$replay/earliest/#",
                                                   "$log/mqtt/0/0",
                                                   "$share/g/a/#",
                                                   "$group/g/a/#",
                                                   "$SYS/#",
                                                   "$replay/-1h/a/+",
                                                   "$log/mqtt/9/5",
                                                   "a/b/c"};

// Small in all that every run pays for and that changes nothing in what is gone through.
WorldOptions world_options() {
  WorldOptions options;
  options.log.partitions = 2;
  options.preallocate_bytes = 4096;
  return options;
}

class Script {
 public:
  explicit Script(fuzz::FuzzInput input) : input_(input) {
    world_.start();
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const auto version = i == 0 ? ProtocolVersion::v3_1_1 : ProtocolVersion::v5;
      clients_[i] = std::make_unique<Client>(world_, "client-" + std::to_string(i), version);
    }
  }

  void play() {
    while (!input_.empty()) step();
    if (!world_.running()) world_.start();
    world_.run();
    check();
  }

 private:
  void step() {
    const std::uint8_t op = input_.byte();
    Client& client = *clients_[(op >> 4) % clients_.size()];
    if (!world_.running()) world_.start();
    switch (op & 0x0f) {
      case 0: client.connect(input_.byte() % 2 ? mqtt::CleanStart::yes : mqtt::CleanStart::no); break;
      case 1:
      case 2:
      case 3: publish(client, static_cast<QoS>((op & 0x0f) - 1)); break;
      case 4: client.subscribe(filters[input_.byte() % filters.size()], static_cast<QoS>(input_.byte() % 3)); break;
      case 5: client.unsubscribe(filters[input_.byte() % filters.size()]); break;
      case 6: send_raw(client); break;
      case 7: client.disconnect(); break;
      case 8: client.drop(); break;
      case 9: world_.advance(std::chrono::seconds(input_.byte())); break;
      case 10: world_.run(BrokerWorld::Commit::no); break;
      case 11: end_process([this] { world_.kill(); }); break;
      case 12: end_process([this] { world_.crash(input_.byte()); }); break;
      case 13: client.release(static_cast<std::uint16_t>(1 + input_.byte())); break;
      case 14: client.acks = input_.byte() % 2 ? Client::Acks::at_once : Client::Acks::never; break;
      default: world_.run(); break;
    }
    collect();
  }

  void publish(Client& client, QoS qos) {
    if (!client.connected()) return;
    const std::uint8_t how = input_.byte();
    const std::string payload = std::to_string(++last_payload_);
    const auto retain = how & 0x80 ? mqtt::Retain::yes : mqtt::Retain::no;
    const std::uint16_t id = client.publish(topics[how % topics.size()], payload, qos, retain);
    if (qos != QoS::at_most_once) waiting_[&client][id] = payload;
  }

  void send_raw(Client& client) {
    if (!client.connected()) return;
    waiting_.erase(&client);  // what it sends may take any meaning
    client.send_bytes(input_.take(input_.byte()));
  }

  template <class End>
  void end_process(End end) {
    collect();
    end();
    waiting_.clear();
  }

  // What the clients were told.
  void collect() {
    for (const auto& client : clients_) {
      const auto mine = waiting_.find(client.get());
      if (mine == waiting_.end()) continue;
      std::erase_if(mine->second, [&](const auto& sent) {
        if (!client->acknowledged.contains(sent.first)) return false;
        acknowledged_.insert(sent.second);
        return true;
      });
      client->acknowledged.clear();
    }
  }

  void check() {
    collect();
    std::multiset<std::string> in_log;
    for (const auto& record : world_.records()) in_log.insert(record.value);
    for (const std::string& payload : acknowledged_) {
      fuzz::must(in_log.contains(payload), "what was acknowledged is in the log");
    }
  }

  fuzz::FuzzInput input_;
  BrokerWorld world_{world_options()};
  std::array<std::unique_ptr<Client>, 3> clients_;
  std::map<const Client*, std::map<std::uint16_t, std::string>> waiting_;  // publishes without an answer
  std::set<std::string> acknowledged_;
  int last_payload_ = 0;
};

}  // namespace

FUZZ_TARGET(session) { Script(input).play(); }

}  // namespace bitacora::sim
