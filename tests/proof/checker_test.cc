// For each invariant histories that keep it and histories that break it: the breach is found, named, and alone.
#include "proof/checker.h"

#include "proof/history.h"

namespace bitacora::proof {
namespace {

using I = Invariant;

TEST_F(History, ThatKeepsEverythingPasses) {
  checker.take(Subscribed{"s", "t/", Order::kept});
  publish_acknowledged(0, 4);
  publish(5, 0);
  read_all(4);
  for (std::uint32_t sequence = 0; sequence < 5; ++sequence) deliver("s", sequence, sequence);
  checker.take(ServerEnded{End::power, 10});
  checker.take(FaultEnded{11});
  checker.take(ServerReady{20});
  read_all(4);
  checker.take(GroupCommitted{"g", {"orders", 0, 3}});
  checker.take(GroupRead{"g", {"orders", 0, 3}});
  expect_kept();
  EXPECT_EQ(checker.verdict().totals, (Totals{6, 0, 5, 0, 10, 5, 1}));
}

TEST_F(History, I1FindsAnAcknowledgedMessageThatIsGone) {
  publish_acknowledged(0, 2);
  read_all(2);
  read({at(0, 0), at(1, 1)}, 2);
  expect({I::I1});
  EXPECT_EQ(verdict(), "I1: p#2 was acknowledged and is gone from orders/0 offset 2; the log goes from 0 to 2\n");
}

TEST_F(History, I1FindsAnAcknowledgedMessageThatWasNeverThere) {
  publish(0);
  acknowledge(0);
  read({}, 0);
  expect({I::I1});
  EXPECT_EQ(verdict(), "I1: p#0 was acknowledged and is nowhere\n");
}

TEST_F(History, I1FindsAReceiptThatNamesAnotherMessagesPlace) {
  publish(0), publish(1);
  acknowledge(0, 0), acknowledge(1, 1);
  read({at(0, 0), at(1, 0)}, 2);
  const Verdict found = checker.verdict();
  EXPECT_TRUE(found.broke(I::I1)) << to_text(found);
  EXPECT_TRUE(found.broke(I::I2)) << to_text(found);
}

TEST_F(History, I1IsNotKeptByALogThatNobodyReads) {
  publish_acknowledged(0, 0);
  expect({I::I1});
}

TEST_F(History, I1AllowsWhatRetentionRemovedAndNothingElse) {
  know("kept", Durability::sync, Keep::recent);
  publish(0), publish(1);
  checker.take(Acknowledged{"p", 0, Answer::puback, Place{"kept", 0, 0}});
  checker.take(Acknowledged{"p", 1, Answer::puback, Place{"kept", 0, 1}});
  read({at(1, 1)}, 2, 1, "kept");
  expect_kept();
  read({}, 1, 1, "kept");
  expect({I::I1});
}

TEST_F(History, I1AllowsNoRetentionWhereEverythingIsKept) {
  publish_acknowledged(0, 1);
  read({at(1, 1)}, 2, 1);
  expect({I::I1});
}

TEST_F(History, I1HoldsForTheLastRecordOfEachKeyOfACompactedLog) {
  know("latest", Durability::sync, Keep::compact);
  for (std::uint32_t sequence = 0; sequence < 3; ++sequence) {
    publish(sequence, 1, sequence == 2 ? "t/2" : "t/1");
    checker.take(Acknowledged{"p", sequence, Answer::puback, Place{"latest", 0, sequence}});
  }
  read({at(1, 1), {2, message(2), "t/2"}}, 3, 0, "latest");
  expect_kept();
  read({{2, message(2), "t/2"}}, 3, 0, "latest");
  expect({I::I1});
}

TEST_F(History, I1AsksOfAnAsynchronousLogOnlyWhatItPromises) {
  know("fast", Durability::async);
  publish(0);
  checker.take(Acknowledged{"p", 0, Answer::puback, Place{"fast", 0, 0}});
  checker.take(ServerEnded{End::power, 0});
  publish(1);
  checker.take(Acknowledged{"p", 1, Answer::puback, Place{"fast", 0, 0}});
  read({at(0, 1)}, 1, 0, "fast");
  expect_kept();
  checker.take(ServerEnded{End::kill, 0});
  read({}, 0, 0, "fast");
  expect({I::I1});
}

TEST_F(History, I5AndI6DoNotCountWhatALogHasForgotten) {
  know("ring", Durability::memory);
  publish(0, 2), publish(1, 2);
  read({at(0, 0), at(1, 1)}, 2, 0, "ring");
  checker.take(ServerEnded{End::kill, 0});
  publish(0, 2), publish(1, 2);
  read({at(1000, 0), at(1001, 1)}, 1002, 1000, "ring");
  expect_kept();
  checker.take(ServerEnded{End::clean, 0});
  read({at(2000, 0), at(2001, 0)}, 2002, 2000, "ring");
  expect({I::I6});
}

TEST_F(History, I2FindsAnOffsetThatWasUsedTwice) {
  publish(0), publish(1);
  read({at(0, 0)}, 1);
  read({at(0, 1)}, 1);
  EXPECT_NE(verdict().find("I2: orders/0 offset 0 held p#0 and holds p#1 now\n"), std::string::npos) << verdict();
}

TEST_F(History, I2FindsAHole) {
  publish(0), publish(1);
  read({at(0, 0), at(2, 1)}, 3);
  expect({I::I2});
  EXPECT_EQ(verdict(), "I2: orders/0: offsets [1, 2) have no record\n");
}

TEST_F(History, I2FindsAHoleAtTheEnd) {
  publish(0);
  read({at(0, 0)}, 4);
  expect({I::I2});
}

TEST_F(History, I2FindsOffsetsThatDoNotRise) {
  publish(0), publish(1);
  read({at(1, 1)}, 2, 1);
  read({at(0, 0), at(1, 1), at(1, 1)}, 2);
  expect({I::I2});
}

TEST_F(History, I2FindsAReadableRecordThatIsGoneThoughNobodyWasToldOfIt) {
  publish(0);
  read({at(0, 0)}, 1);
  read({}, 0);
  expect({I::I2});
}

TEST_F(History, I3FindsAReadingThatLeavesSomethingOut) {
  publish_acknowledged(0, 2);
  read_all(2);
  checker.take(ReadingBegan{++readings, "orders", 0, 0, 1});
  checker.take(ReadRecord{readings, 2, "t/1", message(2)});
  checker.take(ReadingEnded{readings, 3});
  const Verdict found = checker.verdict();
  EXPECT_TRUE(found.broke(I::I3)) << to_text(found);
  EXPECT_FALSE(found.broke(I::I1)) << to_text(found);
}

TEST_F(History, I3FindsARecordThatComesBackIntoACompactedLog) {
  know("latest", Durability::sync, Keep::compact);
  publish(0), publish(1);
  read({at(1, 1)}, 2, 0, "latest");
  read({at(0, 0), at(1, 1)}, 2, 0, "latest");
  expect({I::I3});
}

TEST_F(History, I3AllowsThatACrashBringsBackWhatCompactionHadTakenOut) {
  know("latest", Durability::sync, Keep::compact);
  publish(0), publish(1);
  read({at(1, 1)}, 2, 0, "latest");
  checker.take(ServerEnded{End::power, 10});
  checker.take(ServerReady{20});
  read({at(0, 0), at(1, 1)}, 2, 0, "latest");
  expect_kept();
  read({at(1, 1)}, 2, 0, "latest");
  read({at(0, 0), at(1, 1)}, 2, 0, "latest");
  expect({I::I3});
}

TEST_F(History, D1AsksNothingOfWhatCompactionHadTakenOutOnce) {
  know("latest", Durability::sync, Keep::compact);
  checker.take(Subscribed{"s", "t/", Order::kept});
  publish(0), publish(1);
  checker.take(Acknowledged{"p", 0, Answer::puback, Place{"latest", 0, 0}});
  read({at(1, 1)}, 2, 0, "latest");
  checker.take(ServerEnded{End::power, 10});
  checker.take(ServerReady{20});
  read({at(0, 0), at(1, 1)}, 2, 0, "latest");
  expect_kept();
}

TEST_F(History, I4FindsWhatNobodySent) {
  publish(0);
  read({at(0, 0), at(1, 7), {2, identify("hello")}, {3, Content{}}}, 4);
  expect({I::I4});
  EXPECT_EQ(checker.verdict().counts[static_cast<std::size_t>(I::I4)], 3U);
}

TEST_F(History, I5FindsAPublisherOutOfOrder) {
  for (const std::uint32_t sequence : {0U, 1U, 2U}) publish(sequence);
  read({at(0, 0), at(1, 2), at(2, 1)}, 3);
  expect({I::I5});
  EXPECT_EQ(verdict(), "I5: orders/0 offset 2 holds p#1 behind p#2\n");
}

TEST_F(History, I5LooksAtFirstCopiesAndNotBetweenQoS0AndTheOthers) {
  publish(0), publish(1), publish(2, 0), publish(3), publish(0);
  publish(0, 1, "t/1", "q");
  read({at(0, 0), at(1, 3), at(2, 2), at(3, 0), at(4, 0, "q")}, 5);
  expect_kept();
}

TEST_F(History, I5SaysNothingOfWhatWasRefusedAndSentAgain) {
  publish(0), publish(1);
  publish(0);
  read({at(0, 1), at(1, 0)}, 2);
  expect({I::I5});
  checker.take(RefusalsCounted{1});
  expect_kept();
}

// Two requests of a producer are under way: the first is refused, the second stored, the first is sent again.
TEST_F(History, I5AllowsThatAProducersRequestIsOvertakenWhereItWasRefusedUnheard) {
  publish(0), publish(1);
  checker.take(RefusedUnheard{"p", 0});
  publish(0);
  read({at(0, 1), at(1, 0)}, 2);
  expect_kept();
}

TEST_F(History, I5FindsWhatNoRefusalExplains) {
  for (const std::uint32_t sequence : {0U, 1U, 2U}) publish(sequence);
  publish(0, 1, "t/1", "q"), publish(0, 1, "t/1", "q");
  checker.take(RefusedUnheard{"q", 0});  // another's
  checker.take(RefusedUnheard{"p", 2});
  publish(0);
  read({at(0, 1), at(1, 2), at(2, 0)}, 3);
  expect({I::I5});
}

TEST_F(History, I5FindsWhatWasRefusedAndNotSentAgain) {
  publish(0), publish(1), publish(0);
  checker.take(RefusedUnheard{"p", 0});
  read({at(0, 1), at(1, 0)}, 2);
  expect({I::I5});
}

TEST_F(History, I5FindsWhatWasSeenBeforeItWasSentAgain) {
  publish(0), publish(1);
  read({at(0, 1), at(1, 0)}, 2);
  checker.take(RefusedUnheard{"p", 0});
  publish(0);
  checker.take(RefusalsCounted{1});
  expect({I::I5});
}

TEST_F(History, I5FindsAMessageBehindOneThatWasSentAfterItsLastCopy) {
  publish(0), publish(1);
  checker.take(RefusedUnheard{"p", 0});
  publish(0);
  publish(2);
  checker.take(RefusalsCounted{1});
  read({at(0, 1), at(1, 2), at(2, 0)}, 3);
  expect({I::I5});
}

TEST_F(History, I5IsNotExcusedByRefusalsOfAnotherLifeOfTheServer) {
  checker.take(RefusalsCounted{1});
  checker.take(ServerEnded{End::kill, 0});
  publish(0), publish(1), publish(0);
  checker.take(RefusalsCounted{0});
  read({at(0, 1), at(1, 0)}, 2);
  expect({I::I5});
  checker.take(RefusalsCounted{1});
  expect_kept();
}

TEST_F(History, I5SaysNothingOfWhatWasSentAgainIntoALogThatRemovesRecords) {
  know("state", Durability::sync, Keep::compact);
  publish(0), publish(1), publish(2);
  publish(0);
  read({at(2, 2), at(3, 0)}, 4, 0, "state");  // the first copies of #0 and #1 were compacted away
  expect_kept();
  publish(3), publish(4);
  read({at(2, 2), at(3, 0), at(4, 4), at(5, 3)}, 6, 0, "state");
  expect({I::I5});
}

TEST_F(History, I6FindsAQoS2MessageThatIsTwiceInTheLog) {
  publish(0, 2), publish(0, 2);
  read({at(0, 0), at(1, 0)}, 2);
  expect({I::I6});
}

TEST_F(History, I6AllowsAQoS2MessageOnceMoreWhereRetentionHadRemovedItBeforeACrash) {
  know("recent", Durability::sync, Keep::recent);
  publish(0, 2), publish(1);
  read({at(0, 0), at(1, 1)}, 2, 0, "recent");
  checker.take(ServerEnded{End::kill, 10});
  checker.take(ServerReady{20});
  publish(0, 2);
  read({at(1, 1), at(2, 0)}, 3, 1, "recent");
  expect_kept();
}

TEST_F(History, I6AllowsItInNoOtherCase) {
  know("recent", Durability::sync, Keep::recent);
  publish(0, 2), publish(1), publish(0, 2);
  read({at(0, 0), at(1, 1)}, 2, 0, "recent");
  read({at(1, 1), at(2, 0)}, 3, 1, "recent");
  expect({I::I6});
}

TEST_F(History, I6AllowsAsManyCopiesOfAQoS1MessageAsWereSent) {
  publish(0), publish(0);
  read({at(0, 0), at(1, 0)}, 2);
  expect_kept();
  read({at(0, 0), at(1, 0), at(2, 0)}, 3);
  expect({I::I6});
}

TEST_F(History, I7FindsAGroupThatGoesBack) {
  publish_acknowledged(0, 4);
  read_all(4);
  checker.take(GroupCommitted{"g", {"orders", 0, 4}});
  checker.take(GroupRead{"g", {"orders", 0, 2}});
  expect({I::I7});
  EXPECT_EQ(verdict(), "I7: group g went back from 4 to 2 in orders/0\n");
}

TEST_F(History, I7AllowsAGroupThatWasSetBack) {
  publish_acknowledged(0, 4);
  read_all(4);
  checker.take(GroupRead{"g", {"orders", 0, 4}});
  checker.take(GroupReset{"g", {"orders", 0, 1}});
  checker.take(GroupRead{"g", {"orders", 0, 1}});
  expect_kept();
}

TEST_F(History, I7FindsAGroupPastTheEndOfTheLog) {
  publish_acknowledged(0, 1);
  read_all(1);
  checker.take(GroupRead{"g", {"orders", 0, 3}});
  expect({I::I7});
}

TEST_F(History, I8FindsARetainedMessageThatWasReplaced) {
  publish_retained(0), acknowledge(0, 0);
  publish_retained(1), acknowledge(1, 1);
  read_all(1);
  checker.take(RetainedRead{"t/1", message(1)});
  expect_kept();
  checker.take(RetainedRead{"t/1", message(0)});
  expect({I::I8});
  EXPECT_EQ(verdict(), "I8: the retained message of t/1 is p#0; p#1 was acknowledged after it\n");
}

TEST_F(History, I8FindsARetainedMessageThatIsGoneOrHasComeBack) {
  publish_retained(0), acknowledge(0, 0);
  read_all(0);
  checker.take(RetainedRead{"t/1", {}});
  expect({I::I8});
  remove_retained(1), acknowledge(1);
  checker.take(RetainedRead{"t/1", {}});
  EXPECT_EQ(checker.verdict().counts[static_cast<std::size_t>(I::I8)], 1U);
  checker.take(RetainedRead{"t/1", message(0)});
  EXPECT_EQ(checker.verdict().counts[static_cast<std::size_t>(I::I8)], 2U);
}

TEST_F(History, I8AllowsEitherOfTwoThatWereUnderWayTogether) {
  publish_retained(0), publish_retained(0, "q");
  acknowledge(0), acknowledge(0, std::nullopt, "q");
  checker.take(RetainedRead{"t/1", message(0, "p")});
  checker.take(RetainedRead{"t/1", message(0, "q")});
  EXPECT_FALSE(checker.verdict().broke(I::I8)) << verdict();
}

TEST_F(History, I9FindsWrongBytesInAReadingAndInADelivery) {
  publish(0);
  std::string bytes = make_payload("p", 0, 100);
  bytes[90] = '!';
  read({{0, identify(bytes)}}, 1);
  expect({I::I9});
  checker.take(Delivered{"s", "t/2", message(0), {}});  // the right payload under a wrong topic
  EXPECT_EQ(checker.verdict().counts[static_cast<std::size_t>(I::I9)], 2U);
}

TEST_F(History, I10FindsAServerThatIsReadyTooLateOrNever) {
  checker.take(ServerEnded{End::kill, 0});
  checker.take(FaultEnded{1000});
  expect({I::I10});
  checker.take(ServerReady{60'999});
  expect_kept();
  checker.take(FaultEnded{100'000});
  checker.take(ServerReady{200'000});
  expect({I::I10});
}

TEST_F(History, I11FindsHarmThatNobodyWasToldOf) {
  publish_acknowledged(0, 2);
  checker.take(Injected{Harm::quarantine, "orders", 0, 1, 2});
  read({at(0, 0), at(2, 2)}, 3);
  expect({I::I11});
  checker.take(Reported{Harm::cut, "orders", 0, 1, 2});
  checker.take(Reported{Harm::quarantine, "orders", 0, 2, 3});
  expect({I::I11});
  checker.take(Reported{Harm::quarantine, "orders", 0, 0, 2});
  expect_kept();
}

TEST_F(History, I11FindsRefusalsThatWereNotCounted) {
  publish(0), publish(1);
  checker.take(Refused{"p", 0, "quota"});
  checker.take(Refused{"p", 1, "quota"});
  checker.take(RefusalsCounted{2});
  expect_kept();
  checker.take(RefusalsCounted{1});
  expect({I::I11});
}

TEST_F(History, D1FindsAMessageThatNeverReachedASubscriber) {
  publish_acknowledged(0, 0);  // before the subscription
  checker.take(Subscribed{"s", "t/", Order::kept});
  publish_acknowledged(1, 2);
  publish(3, 1, "other");
  acknowledge(3, 3);
  publish(4, 0);
  deliver("s", 1, 1);
  read({at(0, 0), at(1, 1), at(2, 2), {3, message(3), "other"}}, 4);
  expect({I::D1});
  EXPECT_EQ(verdict(), "D1: s never got p#2, which was acknowledged\n");
  deliver("s", 2);
  expect_kept();
}

TEST_F(History, D2FindsDeliveriesOutOfOrder) {
  checker.take(Subscribed{"s", "t/", Order::kept});
  checker.take(Subscribed{"shared", "t/", Order::any});
  publish_acknowledged(0, 2);
  read_all(2);
  for (const std::uint32_t sequence : {0U, 1U, 0U, 1U, 2U}) deliver("s", sequence, sequence);
  for (const std::uint32_t sequence : {2U, 1U, 0U}) deliver("shared", sequence, sequence);
  expect_kept();
  checker.take(Subscribed{"late", "t/", Order::kept});
  for (const std::uint32_t sequence : {1U, 0U}) deliver("late", sequence, sequence);
  expect({I::D2});
}

TEST_F(History, D2SaysNothingOfQoS0) {
  checker.take(Subscribed{"s", "t/", Order::kept});
  publish(0), publish(1, 0), publish(2);
  read_all(2);
  for (const std::uint32_t sequence : {0U, 2U, 1U}) deliver("s", sequence, sequence);
  expect_kept();
}

TEST_F(History, D1IsNotExcusedByAnotherLogThatForgets) {
  know("ring", Durability::memory);
  checker.take(Subscribed{"s", "t/", Order::kept});
  publish_acknowledged(0, 0);
  read_all(0);
  checker.take(ServerEnded{End::kill, 0});
  read_all(0);
  expect({I::D1});
}

TEST_F(History, D3FindsAGroupThatWentPastWhatNobodyAcknowledged) {
  checker.take(Subscribed{"g", "t/", Order::any});
  publish_acknowledged(0, 2);
  read_all(2);
  for (const std::uint32_t sequence : {0U, 1U, 2U}) deliver("g", sequence, sequence);
  checker.take(Consumed{"g", {"orders", 0, 0}});
  checker.take(GroupRead{"g", {"orders", 0, 1}});
  expect_kept();
  checker.take(GroupRead{"g", {"orders", 0, 2}});
  expect({I::D3});
}

TEST(Checking, OneLostMessageAmongTwoHundredThousandIsFound) {
  Checker checker;
  checker.take(LogKnown{"orders"});
  for (std::uint32_t sequence = 0; sequence < 200'000; ++sequence) {
    checker.take(Published{"p", sequence, "t/1", 1});
    checker.take(Acknowledged{"p", sequence, Answer::puback, Place{"orders", 0, sequence}});
  }
  checker.take(ReadingBegan{1, "orders", 0, 0, 0});
  for (std::uint32_t sequence = 0; sequence < 200'000; ++sequence) {
    if (sequence == 812) continue;
    checker.take(ReadRecord{1, sequence, "t/1", {Content::Kind::message, "p", sequence, {}}});
  }
  checker.take(ReadingEnded{1, 200'000});
  const Verdict verdict = checker.verdict();
  EXPECT_EQ(verdict.counts[static_cast<std::size_t>(I::I1)], 1U);
  EXPECT_EQ(verdict.counts[static_cast<std::size_t>(I::I2)], 1U);
}

}  // namespace
}  // namespace bitacora::proof
