#include "bridge/in_flight.h"

#include <gtest/gtest.h>

#include <set>

namespace bitacora::bridge {
namespace {

mqtt::PacketId add(InFlightWindow& window) {
  InFlightMessage message;
  message.sequence = window.allocate();
  window.add(message);
  return message.packet_id();
}

// [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
TEST(InFlightWindow, GivesEveryIdOnceBeforeAnyComesAgain) {
  InFlightWindow window;
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 65535; ++i) {
    const mqtt::PacketId id = add(window);
    EXPECT_NE(id.value(), 0);
    EXPECT_TRUE(seen.insert(id.value()).second);
    window.remove(id);
  }
  EXPECT_EQ(add(window).value(), *seen.begin());
}

// [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
TEST(InFlightWindow, PassesOverAnIdThatIsStillInUse) {
  InFlightWindow window;
  const mqtt::PacketId stuck = add(window);
  for (int i = 0; i < 3 * 65535; ++i) {
    const mqtt::PacketId id = add(window);
    ASSERT_NE(id, stuck);
    window.remove(id);
  }
  EXPECT_NE(window.find(stuck), nullptr);
}

TEST(InFlightWindow, RemovesInAnyOrder) {
  InFlightWindow window;
  const auto first = add(window), second = add(window), third = add(window);
  window.remove(second);
  EXPECT_EQ(window.find(second), nullptr);
  EXPECT_NE(window.find(first), nullptr);
  EXPECT_NE(window.find(third), nullptr);
  EXPECT_EQ(window.size(), 2U);
}

}  // namespace
}  // namespace bitacora::bridge
