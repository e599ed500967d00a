// The server as a whole: start, traffic over one and several shards, reload, stop.
#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;
using testing::AllOf;
using testing::HasSubstr;

RunningServerOptions with_shards(std::uint32_t count) {
  RunningServerOptions options;
  options.server.shard_count = count;
  return options;
}

class ServerWithShards : public testing::TestWithParam<std::uint32_t> {
 protected:
  RunningServer server_{with_shards(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(OneTwoAndThree, ServerWithShards, testing::Values(1u, 2u, 3u));

// [MQTT-4.2-1] [MQTT-4.6.0-5]
TEST_P(ServerWithShards, CarryEachMessageOfManyPublishersToEachSubscriberInOrder) {
  constexpr int publisher_count = 8;
  constexpr int message_count = 50;
  std::vector<MqttClient> subscribers;
  for (int i = 0; i < 3; ++i) {
    subscribers.push_back(server_.connected("subscriber-" + std::to_string(i)));
    subscribers.back().subscribe("plant/#", QoS::at_least_once);
  }

  std::vector<std::jthread> publishers;
  for (int p = 0; p < publisher_count; ++p) {
    publishers.emplace_back([this, p] {
      MqttClient client = server_.connected("publisher-" + std::to_string(p));
      const std::string topic = "plant/" + std::to_string(p);
      for (int m = 0; m < message_count; ++m) {
        EXPECT_EQ(client.publish(topic, std::to_string(m)), ReasonCode::success);
      }
    });
  }
  publishers.clear();  // joins

  for (MqttClient& subscriber : subscribers) {
    std::map<std::string, int> next;
    for (int i = 0; i < publisher_count * message_count; ++i) {
      const ReceivedMessage message = subscriber.next_message();
      ASSERT_EQ(message.payload, std::to_string(next[message.topic]++)) << message.topic;
    }
    EXPECT_EQ(next.size(), static_cast<std::size_t>(publisher_count));
  }
}

TEST_P(ServerWithShards, SpeakEveryVersionAtEveryQualityOfService) {
  MqttClient subscriber = server_.connected("subscriber");
  subscriber.subscribe("t", QoS::exactly_once);
  for (const auto version : {mqtt::ProtocolVersion::v3_1, mqtt::ProtocolVersion::v3_1_1, mqtt::ProtocolVersion::v5}) {
    MqttClient client = server_.client();
    ASSERT_EQ(client.connect("publisher", version).reason, ReasonCode::success);
    client.send(mqtt::Publish{.topic = "t", .payload = as_bytes("0")});
    EXPECT_EQ(client.publish("t", "1", QoS::at_least_once), ReasonCode::success);
    EXPECT_EQ(client.publish("t", "2", QoS::exactly_once), ReasonCode::success);
    for (const std::string expected : {"0", "1", "2"}) EXPECT_EQ(subscriber.next_message().payload, expected);
    client.disconnect();
  }
}

TEST_P(ServerWithShards, LetASecondConnectionTakeTheSessionOver) {
  MqttClient first = server_.connected("one-and-the-same");
  MqttClient second = server_.connected("one-and-the-same");
  EXPECT_EQ(first.expect<mqtt::Disconnect>().reason, ReasonCode::session_taken_over);
  EXPECT_EQ(first.receive(), std::nullopt);
  second.ping();
}

TEST_P(ServerWithShards, ManyConnectionsFightingForOneClientIdLeaveOne) {
  constexpr int rounds = 20;
  std::vector<MqttClient> clients;
  for (int i = 0; i < rounds; ++i) clients.push_back(server_.connected("contested"));
  for (int i = 0; i + 1 < rounds; ++i) clients[static_cast<std::size_t>(i)].expect_close();
  clients.back().ping();
}

TEST(Server, TakesClientsOverIPv6) {
  RunningServerOptions options;
  options.server.listeners = {{{"127.0.0.1", 0}}, {{"::1", 0}}};
  std::unique_ptr<RunningServer> server;
  try {
    server = std::make_unique<RunningServer>(options);
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << error.what();
  }
  ASSERT_EQ(server->server().ports().size(), 2u);
  MqttClient client(server->server().ports()[1], "::1");
  EXPECT_EQ(client.connect("six").reason, ReasonCode::success);
}

std::string error_of_start(const ListenAddress& address) {
  RunningServerOptions options;
  options.server.listeners = {{}, {address}};
  try {
    const RunningServer server(options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Server, ThatFindsItsAddressInUseSaysWhichAndWhatToDo) {
  const RunningServer other;
  EXPECT_THAT(error_of_start({"127.0.0.1", other.port()}),
              AllOf(HasSubstr("127.0.0.1:" + std::to_string(other.port())), HasSubstr("Address already in use"),
                    HasSubstr("another port")));
}

TEST(Server, ThatGetsNoAddressOfThisMachineSaysSo) {
  EXPECT_THAT(error_of_start({"192.0.2.1", 0}), AllOf(HasSubstr("192.0.2.1"), HasSubstr("no such address")));
  EXPECT_THAT(error_of_start({"localhost", 0}), AllOf(HasSubstr("\"localhost\""), HasSubstr("127.0.0.1")));
}

TEST(Server, GivesItsPortFreeWhenItStops) {
  RunningServerOptions options;
  {
    RunningServer first;
    options.server.listeners[0].where.port = first.port();
    (void)first.connected("client");
    first.stop();
    EXPECT_THROW((void)first.client(), std::system_error);
  }
  const RunningServer second(options);
  (void)second.connected("client");
}

TEST(Server, TellsItsClientsThatItStops) {
  RunningServer server(with_shards(2));
  std::vector<MqttClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(server.connected("client-" + std::to_string(i)));
  std::jthread stopping([&server] { server.stop(); });
  for (MqttClient& client : clients) {
    EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::server_shutting_down);
    EXPECT_EQ(client.receive(), std::nullopt);
    client.half_close();
  }
  stopping.join();
  EXPECT_EQ(server.server().open_connections(), 0u);
}

TEST(Server, StopsThoughAClientNeitherReadsNorCloses) {
  RunningServerOptions options;
  options.server.stop_timeout = std::chrono::milliseconds(50);
  RunningServer server(options);
  const MqttClient silent = server.connected("silent");
  server.stop();
  EXPECT_EQ(server.server().open_connections(), 0u);
}

// Publishes with a window until the server closes, and notes what was acknowledged.
class BusyPublisher {
 public:
  BusyPublisher(const RunningServer& server, std::string name)
      : client_(server.connected(name)), name_(std::move(name)) {}

  void run(std::atomic<int>& acknowledged) {
    try {
      for (int sent = 0; sent < window; ++sent) send_next();
      while (auto packet = client_.receive()) {
        const auto* ack = std::get_if<mqtt::Puback>(&packet->packet);
        if (ack == nullptr) continue;  // DISCONNECT
        if (ack->reason == ReasonCode::success) acknowledged_.push_back(sent_.at(ack->packet_id.value()));
        ++acknowledged;
        send_next();
      }
      client_.half_close();
    } catch (const std::system_error&) {  // the server was quicker
    }
  }
  [[nodiscard]] const std::vector<std::string>& acknowledged() const { return acknowledged_; }

 private:
  static constexpr int window = 32;
  void send_next() {
    const std::string payload = name_ + '#' + std::to_string(count_++);
    sent_[client_.send_publish("busy/" + name_, payload).value()] = payload;
  }
  MqttClient client_;
  std::string name_;
  int count_ = 0;
  std::map<std::uint16_t, std::string> sent_;
  std::vector<std::string> acknowledged_;
};

TEST_P(ServerWithShards, LoseNothingAcknowledgedWhenTheyStopWhileBusy) {
  std::vector<std::unique_ptr<BusyPublisher>> publishers;
  for (int i = 0; i < 4; ++i) {
    publishers.push_back(std::make_unique<BusyPublisher>(server_, "publisher-" + std::to_string(i)));
  }
  std::array<std::atomic<int>, 4> acknowledged{};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < publishers.size(); ++i) {
    threads.emplace_back([&publisher = *publishers[i], &count = acknowledged[i]] { publisher.run(count); });
  }
  const auto is_under_way = [](const std::atomic<int>& count) { return count >= 100; };
  ASSERT_TRUE(comes_true([&] { return std::ranges::all_of(acknowledged, is_under_way); }));
  server_.stop();
  threads.clear();  // joins

  const auto payloads = server_.payloads_in_log();
  const std::set<std::string> in_log(payloads.begin(), payloads.end());
  EXPECT_EQ(in_log.size(), payloads.size()) << "a record is there twice";
  for (const auto& publisher : publishers) {
    EXPECT_FALSE(publisher->acknowledged().empty());
    for (const std::string& payload : publisher->acknowledged()) EXPECT_TRUE(in_log.contains(payload)) << payload;
  }
}

class ServerWithLittleRoom : public testing::TestWithParam<std::uint32_t> {
 protected:
  static RunningServerOptions options() {
    RunningServerOptions options = with_shards(GetParam());
    options.committer.max_bytes_in_flight = 2'048;
    return options;
  }
  RunningServer server_{options()};
};
INSTANTIATE_TEST_SUITE_P(OneAndTwo, ServerWithLittleRoom, testing::Values(1u, 2u));

TEST_P(ServerWithLittleRoom, AnswersEveryPublishThoughTheCommitterIsOftenFull) {
  constexpr int message_count = 100;
  std::vector<std::jthread> publishers;
  for (int p = 0; p < 4; ++p) {
    publishers.emplace_back([this, p] {
      MqttClient client = server_.connected("publisher-" + std::to_string(p));
      for (int i = 0; i < message_count; ++i) client.send_publish(std::to_string(p), std::string(1'000, 'x'));
      for (int i = 0; i < message_count; ++i) EXPECT_EQ(client.expect<mqtt::Puback>().reason, ReasonCode::success);
    });
  }
  publishers.clear();  // joins
  EXPECT_EQ(server_.payloads_in_log().size(), 4u * message_count);
}

TEST(Server, MayBeStoppedTwice) {
  RunningServer server;
  server.stop();
  server.stop();
}

}  // namespace
}  // namespace bitacora::net
