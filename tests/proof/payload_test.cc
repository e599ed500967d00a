#include "proof/payload.h"

#include <gtest/gtest.h>

namespace bitacora::proof {
namespace {

TEST(Payload, IsKnownAgainWithItsPublisherAndSequence) {
  for (const std::size_t size : {0UL, 10UL, 64UL, 1000UL}) {
    const std::string payload = make_payload("kettle-7", 812, size);
    EXPECT_GE(payload.size(), size);
    EXPECT_EQ(identify(payload), (Content{Content::Kind::message, "kettle-7", 812, {}}));
    EXPECT_EQ(payload, make_payload("kettle-7", 812, size));
  }
  EXPECT_EQ(make_payload("kettle-7", 812, 1000).size(), 1000U);
}

TEST(Payload, NoChangedBitAndNoLostEndPasses) {
  const std::string payload = make_payload("p", 3, 60);
  for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
    std::string changed = payload;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(identify(changed).kind, Content::Kind::message) << "bit " << bit;
  }
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_NE(identify(std::string_view(payload).substr(0, size)).kind, Content::Kind::message) << size;
  }
  EXPECT_EQ(identify(payload + "x").kind, Content::Kind::damaged);
}

TEST(Payload, OfSomebodyElseIsForeign) {
  EXPECT_EQ(identify("21.5").kind, Content::Kind::foreign);
  EXPECT_EQ(identify("").kind, Content::Kind::empty);
  EXPECT_EQ(describe(identify("21.5")), "foreign bytes \"21.5\"");
}

}  // namespace
}  // namespace bitacora::proof
