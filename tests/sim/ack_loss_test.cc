// The ack-loss matrix: each of PUBACK, PUBREC, PUBREL and PUBCOMP is lost, at its first, second or third coming, before
// or after the record is durable, with the server staying, killed or without power, and the publisher sends again on
// the connection it has or on a new one. QoS 2 is in the log exactly once; QoS 1 never less than once, and every
// further copy is marked. Judged by the checker: I1, I2, I5, I6.
#include <gtest/gtest.h>

#include "simulator/log_reader.h"
#include "simulator/publisher_actor.h"

namespace bitacora::sim {
namespace {

using Version = mqtt::ProtocolVersion;

enum class Lost : std::uint8_t { puback, pubrec, pubrel, pubcomp };
enum class Moment : std::uint8_t { before_durable, after_durable };
enum class Crash : std::uint8_t { none, kill, power };
enum class Connection : std::uint8_t { same, fresh };

struct Case {
  Lost lost;
  int nth;  // how many of its kind are lost is this: the first, the first two, ...
  Moment moment;
  Crash crash;
  Connection connection;
  Version version;
};

std::string name_of(const Case& of) {
  constexpr std::array lost = {"PUBACK", "PUBREC", "PUBREL", "PUBCOMP"};
  constexpr std::array crash = {"", "Kill", "Power"};
  return std::string(lost[static_cast<std::size_t>(of.lost)]) + std::to_string(of.nth) +
         (of.moment == Moment::before_durable ? "BeforeDurable" : "AfterDurable") +
         crash[static_cast<std::size_t>(of.crash)] + (of.connection == Connection::same ? "Same" : "New") +
         (of.version == Version::v5 ? "V5" : "V311");
}

std::vector<Case> matrix() {
  std::vector<Case> cases;
  for (const Lost lost : {Lost::puback, Lost::pubrec, Lost::pubrel, Lost::pubcomp}) {
    for (const int nth : {1, 2, 3}) {
      for (const Moment moment : {Moment::before_durable, Moment::after_durable}) {
        for (const Crash crash : {Crash::none, Crash::kill, Crash::power}) {
          for (const Connection connection : {Connection::same, Connection::fresh}) {
            for (const Version version : {Version::v3_1_1, Version::v5}) {
              // A server that has died has no old connections.
              if (crash != Crash::none && connection == Connection::same) continue;
              cases.push_back({lost, nth, moment, crash, connection, version});
            }
          }
        }
      }
    }
  }
  return cases;
}

bool is_lost(const mqtt::Packet& packet, Lost lost) {
  switch (lost) {
    case Lost::puback: return std::holds_alternative<mqtt::Puback>(packet);
    case Lost::pubrec: return std::holds_alternative<mqtt::Pubrec>(packet);
    case Lost::pubrel: return std::holds_alternative<mqtt::Pubrel>(packet);
    case Lost::pubcomp: return std::holds_alternative<mqtt::Pubcomp>(packet);
  }
  return false;
}

class LostAcknowledgements : public testing::TestWithParam<Case> {
 protected:
  LostAcknowledgements() : publisher(world, witness, "p", GetParam().version), reader(world, witness) {
    witness.take(proof::LogKnown{"mqtt"});
    world.start();
    publisher.reconnect();
    run();
  }

  void run(BrokerWorld::Commit commit = BrokerWorld::Commit::yes) {
    world.run(commit);
    publisher.step();
    world.run(commit);
    publisher.step();
  }
  // The server dies, or it does not; then the publisher sends again what was not acknowledged.
  void lose_and_send_again() {
    const Case& now = GetParam();
    if (now.crash != Crash::none) {
      now.crash == Crash::kill ? world.kill() : world.crash(static_cast<std::uint64_t>(now.nth));
      witness.take(proof::ServerEnded{now.crash == Crash::kill ? proof::End::kill : proof::End::power, 0});
      world.start();
    }
    if (now.connection == Connection::fresh) {
      publisher.reconnect();
    } else {
      publisher.resend();
    }
  }

  BrokerWorld world;
  Witness witness;
  PublisherActor publisher;
  LogReader reader;
};

TEST_P(LostAcknowledgements, LoseNoMessageAndDoubleNoneUnmarked) {
  const Case& now = GetParam();
  const auto qos = now.lost == Lost::puback ? mqtt::QoS::at_least_once : mqtt::QoS::exactly_once;
  int lost = 0;
  publisher.client().swallow = [&](Client::Direction, const mqtt::Packet& packet) {
    return is_lost(packet, now.lost) && lost++ < now.nth;
  };
  for (int i = 0; i < 3; ++i) publisher.publish("t", qos);
  if (now.moment == Moment::before_durable) run(BrokerWorld::Commit::no);
  if (now.moment == Moment::after_durable) run();
  for (int round = 0; round < 5 && !publisher.idle(); ++round) {
    lose_and_send_again();
    run();
  }
  EXPECT_TRUE(publisher.idle()) << "it waits for ever";
  EXPECT_GE(lost, now.moment == Moment::after_durable ? now.nth : 1);
  publisher.publish("t", qos);  // the ids are free again
  run();
  EXPECT_TRUE(publisher.idle());
  reader.read_all();
  reader.read_all();
  const proof::Verdict verdict = witness.checker().verdict();
  EXPECT_TRUE(verdict.kept()) << proof::to_text(verdict);
  EXPECT_EQ(verdict.totals.acknowledged, 4U);

  std::map<std::string, int> copies;
  for (const BrokerWorld::Record& record : world.records()) {
    const bool first = ++copies[record.value] == 1;
    const bool marked = record.headers.contains("mqtt.dup");
    // On the same connection a second PUBLISH is a new message; a server that has just started marks every DUP.
    if (!first && now.connection == Connection::fresh) {
      EXPECT_TRUE(marked) << "offset " << record.offset;
    }
    if (first && now.crash == Crash::none) {
      EXPECT_FALSE(marked) << "offset " << record.offset;
    }
    EXPECT_TRUE(first || qos == mqtt::QoS::at_least_once) << "QoS 2 twice: offset " << record.offset;
  }
  EXPECT_EQ(copies.size(), 4U);
}
INSTANTIATE_TEST_SUITE_P(Matrix, LostAcknowledgements, testing::ValuesIn(matrix()),
                         [](const auto& of) { return name_of(of.param); });

}  // namespace
}  // namespace bitacora::sim
