#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class GroupsTest : public testing::Test {
 protected:
  Response put(const std::string& body) { return door.send("PUT", "/groups/billing/offsets", body); }
  RunningDoor door;
};

TEST_F(GroupsTest, AnOffsetThatIsCommittedComesBackWithItsLag) {
  for (int i = 0; i < 3; ++i) door.append(1, "t", "v");
  const Response response = put(R"({"offsets":[{"topic":"mqtt","partition":1,"offset":1,"metadata":"half"}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  const Response got = door.get("/groups/billing/offsets");
  EXPECT_EQ(got.body, response.body);
  const json::value body = json::parse(got.body);
  EXPECT_EQ(body.at("group"), "billing");
  const json::object& offset = body.at("offsets").as_array().at(0).as_object();
  EXPECT_EQ(offset.at("topic"), "mqtt");
  EXPECT_EQ(offset.at("offset"), 1);
  EXPECT_EQ(offset.at("metadata"), "half");
  EXPECT_EQ(offset.at("committed_offset"), 3);
  EXPECT_EQ(offset.at("lag"), 2);
  EXPECT_EQ(door.get("/groups").body, R"(["billing"])");
  EXPECT_THAT(door.get("/metrics").body,
              HasSubstr(R"(bitacora_group_lag_records{group="billing",log="mqtt",partition="1"} 2)"));
}

TEST_F(GroupsTest, WhileItHasMembersItsPositionIsTheirs) {
  const std::string body = R"({"offsets":[{"topic":"mqtt","partition":0,"offset":0}]})";
  ASSERT_EQ(put(body).status, 200);
  door.catalog->claim_group("billing");  // as a member's shard does
  const Response refused = put(body);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("UNKNOWN_MEMBER_ID"));
  EXPECT_EQ(door.client().request({.method = "DELETE", .target = "/groups/billing"}).status, 409);
  EXPECT_EQ(door.get("/groups/billing/offsets").status, 200) << "looking is free";
  door.catalog->release_group("billing");
  EXPECT_EQ(put(body).status, 200);
}

TEST_F(GroupsTest, AGroupThatIsDeletedIsGone) {
  ASSERT_EQ(put(R"({"offsets":[{"topic":"mqtt","partition":0,"offset":0}]})").status, 200);
  EXPECT_EQ(door.client().request({.method = "DELETE", .target = "/groups/billing"}).status, 204);
  EXPECT_EQ(door.get("/groups/billing/offsets").status, 404);
  EXPECT_EQ(door.client().request({.method = "DELETE", .target = "/groups/billing"}).status, 404);
  EXPECT_EQ(door.get("/groups").body, "[]");
}

TEST_F(GroupsTest, WhatCannotBeCommittedIsToldWhyAndNothingIs) {
  struct Row {
    const char* body;
    unsigned status;
    const char* message;
  };
  const Row table[] = {
      {"{}", 422, "the body must be"},
      {R"({"offsets":[{"topic":"mqtt","partition":0}]})", 422, "partition and an offset"},
      {R"({"offsets":[{"partition":0,"offset":0}]})", 422, "needs a topic"},
      {R"({"offsets":[{"topic":"nope","partition":0,"offset":0}]})", 404, "there are"},
      {R"({"offsets":[{"topic":"mqtt","partition":9,"offset":0}]})", 404, "it has 0 to 1"},
      {R"({"offsets":[{"topic":"mqtt","partition":0,"offset":0},{"topic":"mqtt","partition":1,"offset":5}]})", 400,
       "is not possible"},
  };
  for (const Row& row : table) {
    const Response response = put(row.body);
    EXPECT_EQ(response.status, row.status) << row.body;
    EXPECT_THAT(response.body, HasSubstr(row.message)) << row.body;
  }
  EXPECT_EQ(door.get("/groups").body, "[]");
}

}  // namespace
}  // namespace bitacora::http
