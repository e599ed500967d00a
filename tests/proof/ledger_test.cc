#include "proof/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "proof/checker.h"

namespace bitacora::proof {
namespace {

const Place place{"plant logs", 3, 812};  // no log has such a name: the encoding must not care
// One after the other: as one initializer list, sanitized, GCC 12 takes 11 GB for it.
std::vector<Fact> one_of_each() {
  std::vector<Fact> facts;
  facts.emplace_back(LogKnown{"orders", Durability::async, Keep::compact});
  facts.emplace_back(ServerEnded{End::power, -5});
  facts.emplace_back(FaultEnded{1});
  facts.emplace_back(ServerReady{2});
  facts.emplace_back(Injected{Harm::quarantine, "orders", 1, 10, 20});
  facts.emplace_back(Reported{Harm::cut, "orders", 1, 10, 20});
  facts.emplace_back(RefusalsCounted{7});
  facts.emplace_back(Published{"p%1", 4'000'000'000U, "a b/\n/ñ%", 2, Published::Kind::removal});
  facts.emplace_back(Acknowledged{"p", 3, Answer::pubcomp, place});
  facts.emplace_back(Acknowledged{"p", 3, Answer::produced, {}});
  facts.emplace_back(Refused{"p", 3, ""});
  facts.emplace_back(RefusedUnheard{"p", 3});
  facts.emplace_back(ReadingBegan{1, "orders", 0, 5, 6});
  facts.emplace_back(ReadRecord{1, 6, "t", {Content::Kind::message, "p", 3, {}}});
  facts.emplace_back(ReadRecord{1, 7, "t", {Content::Kind::damaged, "p", 0, std::string("\0 x", 3)}});
  facts.emplace_back(ReadRecord{1, 8, "t", {Content::Kind::foreign, {}, 0, "- -"}});
  facts.emplace_back(ReadRecord{1, 9, "t", {}});
  facts.emplace_back(ReadingEnded{1, 10});
  facts.emplace_back(Subscribed{"s", "", Order::any});
  facts.emplace_back(Delivered{"s", "t", {Content::Kind::message, "p", 3, {}}, place});
  facts.emplace_back(Delivered{"s", "t", {}, {}});
  facts.emplace_back(Consumed{"g", place});
  facts.emplace_back(GroupCommitted{"g", place});
  facts.emplace_back(GroupRead{"g", place});
  facts.emplace_back(GroupReset{"g", place});
  facts.emplace_back(RetainedRead{"t", {}});
  return facts;
}

TEST(Ledger, ALineOfEachKindReadsBackAsItWasWritten) {
  std::vector<bool> kinds(std::variant_size_v<Fact>);
  for (const Fact& fact : one_of_each()) {
    const std::string line = format_fact(fact);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto parsed = parse_fact(line);
    ASSERT_TRUE(parsed.has_value()) << line << ": " << parsed.error();
    EXPECT_EQ(*parsed, fact) << line;
    kinds[fact.index()] = true;
  }
  EXPECT_EQ(kinds, std::vector<bool>(kinds.size(), true)) << "a kind of fact is not in the table";
}

TEST(Ledger, ALineIsWhatTheDocumentShows) {
  EXPECT_EQ(format_fact(Published{"p1", 17, "t/1", 1, Published::Kind::retained}), "publish p1 17 t/1 1 retained");
  EXPECT_EQ(format_fact(Acknowledged{"p1", 17, Answer::puback, Place{"orders", 0, 812}}),
            "acknowledged p1 17 puback orders 0 812");
  EXPECT_EQ(format_fact(Delivered{"s", "a b", {Content::Kind::message, "p1", 17, {}}, {}}),
            "delivered s a%20b message p1 17 -");
}

TEST(Ledger, RefusesLinesThatAreNoFacts) {
  for (const char* line : {"", "nonsense", "ready", "ready x", "ready 1 2", "ready 1 ", "log a sync", "log a sync none",
                           "publish p -1 t 1 plain", "refused p 1 %4", "refused p 1 %zz", "publish p 1 t 300 plain"}) {
    EXPECT_FALSE(parse_fact(line).has_value()) << line;
  }
}

class LedgerFile : public testing::Test {
 protected:
  LedgerFile() {
    std::string pattern = std::filesystem::temp_directory_path() / "ledger-XXXXXX";
    directory = mkdtemp(pattern.data());
    path = directory / "ledger";
  }
  ~LedgerFile() override { std::filesystem::remove_all(directory); }
  void write(const std::vector<Fact>& facts) const {
    auto writer = LedgerWriter::open(path);
    ASSERT_TRUE(writer.has_value()) << writer.error();
    for (const Fact& fact : facts) writer->append(fact);
  }
  [[nodiscard]] std::vector<Fact> read() const {
    std::vector<Fact> facts;
    const auto done = read_ledger(path, [&](const Fact& fact) { facts.push_back(fact); });
    EXPECT_TRUE(done.has_value()) << done.error();
    return facts;
  }

  std::filesystem::path directory, path;
};

TEST_F(LedgerFile, IsReadByAnotherProcessInItsOrder) {
  write(one_of_each());
  EXPECT_EQ(read(), one_of_each());
}

TEST_F(LedgerFile, WhoseWriterWasKilledInALineIsReadAndGoneOnWith) {
  write({FaultEnded{1}});
  std::ofstream(path, std::ios::app) << "ready 12";
  EXPECT_EQ(read(), (std::vector<Fact>{FaultEnded{1}}));
  write({ServerReady{3}});
  EXPECT_EQ(read(), (std::vector<Fact>{FaultEnded{1}, ServerReady{3}}));
}

TEST_F(LedgerFile, WithAWrongLineIsNoEvidence) {
  write({FaultEnded{1}});
  std::ofstream(path, std::ios::app) << "ready soon\n";
  const auto done = read_ledger(path, [](const Fact&) {});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error(), path.string() + ":2: wrong fields of \"ready\"");
}

}  // namespace
}  // namespace bitacora::proof
