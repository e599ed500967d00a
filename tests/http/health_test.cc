// What /health, /recovery and /metrics say of a disk that fills up and of damage that was found while the server runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

HttpSettings without_least_room() {
  HttpSettings settings;
  settings.min_free_bytes = 0;
  return settings;
}

class DiskHealth : public testing::Test {
 protected:
  void use_percent(std::uint64_t percent) { door.files->set_capacity(door.files->used() * 1000 / (percent * 10)); }

  RunningDoor door{without_least_room()};
};

TEST_F(DiskHealth, WarnsAtTheFirstMarkAndIsStillGreen) {
  door.append(0, "t", std::string(100'000, 'v'));
  use_percent(90);
  const Response response = door.get("/health");
  EXPECT_EQ(response.status, 200);
  const json::value health = json::parse(response.body);
  EXPECT_EQ(health.at("status"), "ok");
  EXPECT_TRUE(health.at("reasons").as_array().empty());
  EXPECT_THAT(health.at("warnings").at(0).as_string().c_str(), HasSubstr("90.0 % of the disk are used"));
  EXPECT_THAT(door.get("/metrics").body, HasSubstr("\nbitacora_disk_space_level 1\n"));
}

TEST_F(DiskHealth, IsRedAtTheSecondMarkAndProducersAreToldThatThereIsNoRoom) {
  door.append(0, "t", std::string(100'000, 'v'));
  use_percent(97);
  const Response response = door.get("/health");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("publishes are refused"));
  EXPECT_THAT(door.get("/metrics").body, HasSubstr("\nbitacora_disk_space_level 2\n"));
  EXPECT_EQ(door.get("/topics/mqtt/partitions/0/records").status, 200);
}

TEST_F(DiskHealth, TellsSizeAndFreeBytes) {
  door.files->set_capacity(std::uint64_t{1} << 30);
  const std::string metrics = door.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_disk_size_bytes 1073741824\n"));
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_disk_space_level 0\n"));
  EXPECT_THAT(metrics, Not(HasSubstr("bitacora_disk_free_bytes 0\n")));
}

TEST(DamageHealth, DamageThatTheScrubFindsIsInRecoveryHealthAndMetrics) {
  RunningDoor door;
  storage::LogSettings settings = door.mqtt().settings();
  settings.segment_bytes = 1024;
  ASSERT_TRUE(door.store->change_settings("mqtt", settings));
  for (int i = 0; i < 4; ++i) door.append(1, "t", std::string(700, 'v'));
  ASSERT_TRUE(door.files->flip_bit("data/mqtt-1/00000000000000000001.log", 100 * 8));
  EXPECT_THAT(door.get("/metrics").body, HasSubstr("\nbitacora_quarantined_records{log=\"mqtt\",partition=\"1\"} 0\n"));

  ASSERT_EQ(door.store->scrub(1 << 30).value().damages, 1U);
  const json::value report = json::parse(door.get("/recovery").body);
  ASSERT_EQ(report.at("found_since").as_array().size(), 1U);
  const json::value& found = report.at("found_since").at(0);
  EXPECT_EQ(found.at("topic"), "mqtt");
  EXPECT_EQ(found.at("partition"), 1);
  EXPECT_EQ(found.at("from_offset"), 1);
  EXPECT_EQ(found.at("to_offset"), 2);
  EXPECT_EQ(found.at("segment"), "00000000000000000001.log");
  const Response health = door.get("/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_THAT(health.body, HasSubstr("damage: mqtt/1: records 1 to before 2 cannot be read"));
  const std::string metrics = door.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_quarantined_records{log=\"mqtt\",partition=\"1\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_quarantined_records{log=\"mqtt\",partition=\"0\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_scrub_passes_total 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nbitacora_scrub_read_errors_total 0\n"));
}

}  // namespace
}  // namespace bitacora::http
