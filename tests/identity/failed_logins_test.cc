#include "identity/failed_logins.h"

#include <gtest/gtest.h>

namespace bitacora::identity {
namespace {

using std::chrono::milliseconds;

constexpr FailedLoginTerms terms{.free = 2,
                                 .first_delay = milliseconds(100),
                                 .longest_delay = milliseconds(350),
                                 .max_held = 3,
                                 .memory = milliseconds(1000),
                                 .max_known = 8};

class FailedLoginsTest : public testing::Test {
 protected:
  milliseconds fail(std::string_view peer, std::string_view user) {
    const auto delay = failed.on_failure(peer, user, now);
    failed.on_answered(peer, user);
    return delay;
  }
  FailedLogins failed{terms};
  MonotonicTime now{std::chrono::hours(1)};
};

TEST_F(FailedLoginsTest, TheFirstFewAreAnsweredAtOnceAndEachAfterThemLaterUpToAnEnd) {
  EXPECT_EQ(fail("10.0.0.1:1", ""), milliseconds(0));
  EXPECT_EQ(fail("10.0.0.1:2", ""), milliseconds(0));
  EXPECT_EQ(fail("10.0.0.1:3", ""), milliseconds(100));
  EXPECT_EQ(fail("10.0.0.1:4", ""), milliseconds(200));
  EXPECT_EQ(fail("10.0.0.1:5", ""), milliseconds(350));
  EXPECT_EQ(fail("10.0.0.1:6", ""), milliseconds(350));
  EXPECT_EQ(fail("10.0.0.2:1", ""), milliseconds(0)) << "another address has done nothing";
}

TEST_F(FailedLoginsTest, GuessesAtOneUserFromManyAddressesAreCountedTogether) {
  EXPECT_EQ(fail("10.0.0.1:1", "ann"), milliseconds(0));
  EXPECT_EQ(fail("10.0.0.2:1", "ann"), milliseconds(0));
  EXPECT_EQ(fail("10.0.0.3:1", "ann"), milliseconds(100));
  EXPECT_EQ(fail("10.0.0.4:1", "bob"), milliseconds(0));
}

TEST_F(FailedLoginsTest, WhatIsLongAgoIsForgotten) {
  for (int i = 0; i < 5; ++i) (void)fail("10.0.0.1:1", "ann");
  now += milliseconds(999);
  EXPECT_EQ(fail("10.0.0.1:1", "ann"), milliseconds(350));
  now += milliseconds(1000);
  EXPECT_EQ(fail("10.0.0.1:1", "ann"), milliseconds(0));
}

TEST_F(FailedLoginsTest, WhereAsManyAnswersAreHeldBackAsMayBeOnlyWhoHasNotFailedIsJudged) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(failed.may_try("10.0.0.1:9", "ann")) << i;
    (void)failed.on_failure("10.0.0.1:1", "bob", now);
  }
  EXPECT_FALSE(failed.may_try("10.0.0.1:9", "ann"));
  EXPECT_TRUE(failed.may_try("10.0.0.2:9", "bob")) << "who guesses at a name does not keep its owner out";
  (void)fail("10.0.0.2:9", "carol");
  EXPECT_FALSE(failed.may_try("10.0.0.2:9", "bob"));
  EXPECT_TRUE(failed.may_try("10.0.0.2:9", "ann"));
  failed.on_answered("10.0.0.1:1", "bob");
  EXPECT_TRUE(failed.may_try("10.0.0.1:9", "ann"));
}

TEST_F(FailedLoginsTest, HoweverManyAddressesThereAreTheirNumberIsBounded) {
  for (int i = 0; i < 1000; ++i) {
    (void)fail("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1", "user" + std::to_string(i));
    EXPECT_LE(failed.known(), terms.max_known + 2);
  }
}

TEST_F(FailedLoginsTest, AnAddressIsCountedWithoutItsPortAndAnIpv6CustomerAsOne) {
  EXPECT_EQ(network_of("10.0.0.1:1"), network_of("10.0.0.1:65535"));
  EXPECT_NE(network_of("10.0.0.1:1"), network_of("10.0.0.2:1"));
  EXPECT_EQ(network_of("[2001:db8:1:2::1]:1"), network_of("[2001:db8:1:2:ffff::9]:2"));
  EXPECT_NE(network_of("[2001:db8:1:2::1]:1"), network_of("[2001:db8:1:3::1]:1"));
  EXPECT_EQ(network_of("[::1]:1"), network_of("[0:0:0:0:0:0:0:1]:2"));
  EXPECT_NE(network_of("[::1]:1"), network_of("[fe80::1]:1"));
  EXPECT_NE(network_of("[::ffff:10.0.0.1]:1"), network_of("[::ffff:10.0.0.2]:1"));
  EXPECT_EQ(network_of("unix:/run/a.sock"), "unix:/run/a.sock");
}

}  // namespace
}  // namespace bitacora::identity
