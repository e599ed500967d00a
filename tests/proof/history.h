// A history for the checker, told in verbs: one log "orders" whose partition 0 is what the fixture's readings give.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proof/checker.h"

namespace bitacora::proof {

class History : public testing::Test {
 protected:
  History() { know("orders"); }

  void know(const std::string& log, Durability durability = Durability::sync, Keep keep = Keep::all) {
    checker.take(LogKnown{log, durability, keep});
  }
  void publish(std::uint32_t sequence, int qos = 1, const std::string& topic = "t/1", const std::string& by = "p") {
    checker.take(Published{by, sequence, topic, static_cast<std::uint8_t>(qos), Published::Kind::plain});
  }
  void publish_retained(std::uint32_t sequence, const std::string& by = "p") {
    checker.take(Published{by, sequence, "t/1", 1, Published::Kind::retained});
  }
  void remove_retained(std::uint32_t sequence) {
    checker.take(Published{"p", sequence, "t/1", 1, Published::Kind::removal});
  }
  void acknowledge(std::uint32_t sequence, std::optional<Offset> offset = std::nullopt, const std::string& by = "p") {
    Acknowledged fact{by, sequence, Answer::puback, {}};
    if (offset) fact.place = Place{"orders", 0, *offset};
    checker.take(fact);
  }
  // Publishes #first .. #last and has each acknowledged at its own number as offset.
  void publish_acknowledged(std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t sequence = first; sequence <= last; ++sequence) {
      publish(sequence);
      acknowledge(sequence, sequence);
    }
  }

  struct At {
    Offset offset;
    Content content;
    std::string topic = "t/1";
  };
  static Content message(std::uint32_t sequence, const std::string& by = "p") {
    return {Content::Kind::message, by, sequence, {}};
  }
  static At at(Offset offset, std::uint32_t sequence, const std::string& by = "p") {
    return {offset, message(sequence, by)};
  }
  void read(const std::vector<At>& records, Offset next, Offset log_start = 0, const std::string& log = "orders") {
    checker.take(ReadingBegan{++readings, log, 0, log_start, log_start});
    for (const At& record : records) checker.take(ReadRecord{readings, record.offset, record.topic, record.content});
    checker.take(ReadingEnded{readings, next});
  }
  // A reading of #0 .. #last where they belong.
  void read_all(std::uint32_t last) {
    std::vector<At> records;
    for (std::uint32_t sequence = 0; sequence <= last; ++sequence) records.push_back(at(sequence, sequence));
    read(records, last + 1);
  }
  void deliver(const std::string& subscriber, std::uint32_t sequence, std::optional<Offset> offset = std::nullopt) {
    Delivered fact{subscriber, "t/1", message(sequence), {}};
    if (offset) fact.place = Place{"orders", 0, *offset};
    checker.take(fact);
  }

  [[nodiscard]] std::string verdict() const { return to_text(checker.verdict()); }
  // Exactly these invariants are broken.
  void expect(const std::vector<Invariant>& broken) const {
    const Verdict verdict = checker.verdict();
    std::vector<Invariant> found;
    for (std::size_t i = 0; i < verdict.counts.size(); ++i) {
      if (verdict.counts[i] != 0) found.push_back(static_cast<Invariant>(i));
    }
    EXPECT_EQ(found, broken) << to_text(verdict);
  }
  void expect_kept() const { expect({}); }

  Checker checker;
  std::uint32_t readings = 0;
};

}  // namespace bitacora::proof
