// One client id that reconnects all the time, beside clients that subscribe and unsubscribe all the time, under load.
// Meant for AddressSanitizer and ThreadSanitizer as much as for what it asserts: that no message is lost in any of it.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;

constexpr int reconnect_count = 1'000;
constexpr int publisher_count = 3;
constexpr int unsettled_client_count = 2;
// Payloads are "<publisher>/<number>", numbers rise by one; a publisher's last is "<publisher>/end".
class Storm {
 public:
  explicit Storm(RunningServer& server) : server_(server) {}

  void publish(int publisher) {
    MqttClient client = server_.connected("publisher-" + std::to_string(publisher));
    const std::string topic = "load/" + std::to_string(publisher);
    int number = 0;
    while (!is_over_) {
      ASSERT_EQ(client.publish(topic, std::to_string(publisher) + "/" + std::to_string(number)), ReasonCode::success);
      ++number;
    }
    ASSERT_EQ(client.publish(topic, std::to_string(publisher) + "/end"), ReasonCode::success);
    published_[static_cast<std::size_t>(publisher)] = number;
    client.disconnect();
  }

  // Overlapping filters come and go; what arrives meanwhile is read and acknowledged.
  void subscribe_and_unsubscribe(int index, std::uint32_t seed) {
    static constexpr std::array filters = {"load/#", "load/+", "load/0", "load/1", "#", "other/+/x", "load/2/#"};
    std::mt19937 random(seed);
    MqttClient client = server_.connected("unsettled-" + std::to_string(index));
    std::uint16_t id = 0;
    while (!is_over_) {
      const std::string_view filter = filters[random() % filters.size()];
      const mqtt::PacketId packet_id(id = static_cast<std::uint16_t>(id % 60'000 + 1));
      if (random() % 2 == 0) {
        client.send(mqtt::Subscribe{.packet_id = packet_id,
                                    .entries = {{.filter = filter, .options = {.maximum_qos = QoS(random() % 2)}}}});
        answer_of<mqtt::Suback>(client, packet_id);
      } else {
        client.send(mqtt::Unsubscribe{.packet_id = packet_id, .filters = {filter}});
        answer_of<mqtt::Unsuback>(client, packet_id);
      }
      ++subscription_changes_;
    }
    client.disconnect();
  }

  // Connects again and again to one session, reads a little of it and leaves: by DISCONNECT, by a reset, or by being
  // taken over by the next connection.
  void reconnect() {
    std::optional<MqttClient> previous;
    for (int round = 0; round < reconnect_count; ++round) {
      MqttClient client = session();
      if (round == 0) {
        client.subscribe("load/#", QoS::at_least_once);
        is_subscribed_ = true;
      }
      for (int i = 0; i < 3; ++i) note(client.next_message());
      if (round % 3 == 0) client.disconnect();
      if (round % 3 == 1) client.reset();
      previous.reset();
      if (round % 3 == 2) previous.emplace(std::move(client));
    }
  }

  // The session's last connection: reads what is left, up to the end of each publisher.
  void drain() {
    MqttClient client = session();
    while (ended_ < publisher_count) note(client.next_message());
    client.disconnect();
  }

  void await_subscription() const {
    ASSERT_TRUE(comes_true([this] { return is_subscribed_.load(); }));
  }
  void end() { is_over_ = true; }
  [[nodiscard]] int subscription_changes() const { return subscription_changes_; }

  void expect_that_nothing_was_lost() const {
    for (int publisher = 0; publisher < publisher_count; ++publisher) {
      const int count = published_[static_cast<std::size_t>(publisher)];
      EXPECT_GT(count, 0);
      const auto found = received_.find(publisher);
      ASSERT_NE(found, received_.end());
      EXPECT_EQ(found->second.size(), static_cast<std::size_t>(count));
      EXPECT_EQ(*found->second.rbegin(), count - 1);
    }
  }

 private:
  [[nodiscard]] MqttClient session() const {
    MqttClient client = server_.client();
    const auto answer = client.connect({.version = mqtt::ProtocolVersion::v5,
                                        .clean_start = mqtt::CleanStart::no,
                                        .client_id = "contested",
                                        .properties = {.session_expiry_interval = 3'600}});
    EXPECT_EQ(answer.reason, ReasonCode::success);
    return client;
  }

  template <class Answer>
  static void answer_of(MqttClient& client, mqtt::PacketId id) {
    for (;;) {
      const auto received = client.receive();
      ASSERT_TRUE(received) << "the server closed the connection";
      if (const auto* message = std::get_if<mqtt::Publish>(&received->packet)) {
        if (message->qos != QoS::at_most_once) client.send(mqtt::Puback{{.packet_id = message->packet_id}});
        continue;
      }
      const auto* answer = std::get_if<Answer>(&received->packet);
      ASSERT_NE(answer, nullptr) << mqtt::format(received->packet);
      ASSERT_EQ(answer->packet_id, id);
      return;
    }
  }

  void note(const ReceivedMessage& message) {
    const std::size_t slash = message.payload.find('/');
    ASSERT_NE(slash, std::string::npos) << message.payload;
    if (message.payload.ends_with("/end")) {
      ++ended_;
      return;
    }
    received_[std::stoi(message.payload.substr(0, slash))].insert(std::stoi(message.payload.substr(slash + 1)));
  }

  RunningServer& server_;
  std::atomic<bool> is_over_ = false;
  std::atomic<bool> is_subscribed_ = false;
  std::atomic<int> subscription_changes_ = 0;
  std::array<int, publisher_count> published_{};  // by the publisher's thread, read behind its join
  int ended_ = 0;                                 // publishers whose last message came
  std::map<int, std::set<int>> received_;         // by the reconnecting thread
};

class StormOverShards : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(OneAndThree, StormOverShards, testing::Values(1u, 3u));

TEST_P(StormOverShards, OfReconnectsBesideOneOfSubscriptionsLosesNoMessage) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RunningServerOptions options;
  options.server.shard_count = GetParam();
  options.broker.sessions.max_takeovers = 1'000'000;
  RunningServer server(options);
  Storm storm(server);

  std::jthread reconnecting([&storm] { storm.reconnect(); });
  storm.await_subscription();
  std::vector<std::jthread> threads;
  for (int i = 0; i < publisher_count; ++i) threads.emplace_back([&storm, i] { storm.publish(i); });
  for (int i = 0; i < unsettled_client_count; ++i) {
    threads.emplace_back(
        [&storm, i, seed] { storm.subscribe_and_unsubscribe(i, seed + static_cast<std::uint32_t>(i)); });
  }
  reconnecting.join();
  storm.end();
  threads.clear();  // joins

  storm.drain();
  storm.expect_that_nothing_was_lost();
  EXPECT_GT(storm.subscription_changes(), 0);
  EXPECT_GT(server.metrics().takeovers.value(), 0u);
  EXPECT_EQ(server.metrics().protocol_errors.value(), 0u);
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
}

}  // namespace
}  // namespace bitacora::net
