// How many connections one address may have, and how fast.
#include "address_limits.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using namespace std::chrono_literals;
using Refusal = AddressLimits::Refusal;

const IpAddress one = ipv4_address({std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}});
const IpAddress other = ipv4_address({std::byte{10}, std::byte{0}, std::byte{0}, std::byte{2}});

class AddressLimitsOfOneListener : public testing::Test {
 protected:
  // True: there was a place.
  bool connect(const IpAddress& address) {
    auto place = limits.admit(address, bounds, now);
    if (!place) last_refusal = place.error();
    if (place) places.push_back(std::move(*place));
    return place.has_value();
  }

  AddressLimits limits;
  AddressBounds bounds;
  MonotonicTime now{1h};
  std::vector<AddressLimits::Place> places;
  Refusal last_refusal = Refusal::too_many;
};

TEST_F(AddressLimitsOfOneListener, LetEachAddressHaveItsNumberOfConnections) {
  bounds = {.max_open = 2, .max_per_second = 100};
  EXPECT_TRUE(connect(one));
  EXPECT_TRUE(connect(one));
  EXPECT_FALSE(connect(one));
  EXPECT_EQ(last_refusal, Refusal::too_many);
  EXPECT_TRUE(connect(other));
  places.erase(places.begin());
  EXPECT_TRUE(connect(one));
}

TEST_F(AddressLimitsOfOneListener, LetEachAddressComeAtItsRate) {
  bounds = {.max_open = 1000, .max_per_second = 4};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(connect(one));
  EXPECT_FALSE(connect(one));
  EXPECT_EQ(last_refusal, Refusal::too_fast);
  EXPECT_TRUE(connect(other));
  now += 250ms;
  EXPECT_TRUE(connect(one));
  EXPECT_FALSE(connect(one));
  now += 1h;  // does not save up more than a second's worth
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(connect(one));
  EXPECT_FALSE(connect(one));
}

TEST_F(AddressLimitsOfOneListener, ForgetAddressesThatHaveGone) {
  bounds = {.max_open = 10, .max_per_second = 10};
  for (int i = 0; i < 200; ++i) {
    const auto byte = static_cast<std::byte>(i);
    EXPECT_TRUE(connect(ipv4_address({std::byte{10}, std::byte{1}, std::byte{0}, byte})));
  }
  EXPECT_EQ(limits.known_addresses(), 200U);
  places.resize(1);
  now += 2s;
  EXPECT_TRUE(connect(other));
  EXPECT_EQ(limits.known_addresses(), 2U);  // the one that is still connected, and this one
}

TEST(AddressLimits, CloseWhatOneAddressOpensTooMuch) {
  RunningServerOptions options;
  options.server.listeners[0].rules.max_connections_per_address = 2;
  options.server.listeners[0].rules.unlimited_addresses = {};
  RunningServer server(options);
  MqttClient first = server.connected("first");
  MqttClient second = server.connected("second");
  MqttClient third = server.client();
  third.expect_close();
  EXPECT_EQ(server.metrics().of(bridge::Limit::connections_per_address).value(), 1U);
  first.disconnect();
  ASSERT_TRUE(comes_true([&] { return server.server().open_connections() == 1; }));
  server.connected("fourth").disconnect();
}

TEST(AddressLimits, CloseWhatOneAddressOpensTooFast) {
  RunningServerOptions options;
  options.server.listeners[0].rules.max_connection_rate = 1;
  options.server.listeners[0].rules.unlimited_addresses = {};
  RunningServer server(options);
  std::vector<MqttClient> clients;
  ASSERT_TRUE(comes_true([&] {
    clients.push_back(server.client());
    return server.metrics().of(bridge::Limit::connection_rate).value() > 0;
  }));
}

TEST(AddressLimits, AreOfTheAddressThatAProxyTells) {
  RunningServerOptions options;
  ListenerRules& rules = options.server.listeners[0].rules;
  rules.max_connections_per_address = 1;
  rules.proxy_protocol = ProxyProtocol::required;
  rules.trusted_proxies = {"127.0.0.1"};
  RunningServer server(options);
  const auto from = [&](const std::string& address) {
    MqttClient client = server.client();
    client.send_bytes(as_bytes("PROXY TCP4 " + address + " 198.51.100.2 54321 1883\r\n"));
    return client;
  };
  MqttClient first = from("192.0.2.1");
  EXPECT_EQ(first.connect("first").reason, mqtt::ReasonCode::success);
  MqttClient second = from("192.0.2.1");
  second.expect_close();
  MqttClient third = from("192.0.2.2");
  EXPECT_EQ(third.connect("third").reason, mqtt::ReasonCode::success);
  EXPECT_EQ(server.metrics().of(bridge::Limit::connections_per_address).value(), 1U);
}

TEST(AddressLimits, DoNotHoldForAddressesThatAreSaidToBeUnlimited) {
  RunningServerOptions options;
  options.server.listeners[0].rules.max_connections_per_address = 1;
  options.server.listeners[0].rules.max_connection_rate = 1;
  RunningServer server(options);  // 127.0.0.0/8, unless told otherwise
  MqttClient first = server.connected("first");
  MqttClient second = server.connected("second");
  EXPECT_EQ(server.metrics().of(bridge::Limit::connections_per_address).value(), 0U);
}

}  // namespace
}  // namespace bitacora::net
