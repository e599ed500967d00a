// What a power cut may leave of a file system in memory, and what it must not.
#include "storage/memory_file_system.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "storage/memory_disk.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t sector_size = 512;
constexpr std::uint64_t seed_count = 400;

// Runs `prepare` and a crash for each seed, and gives what `look` finds with how often.
template <class Seen>
std::map<Seen, int> over_all_crashes(const std::function<void(Disk&)>& prepare,
                                     const std::function<Seen(Disk&)>& look) {
  std::map<Seen, int> seen;
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Disk disk;
    prepare(disk);
    disk.fs().crash(seed);
    ++seen[look(disk)];
  }
  return seen;
}

std::map<std::string, int> texts_after_crash(const std::function<void(Disk&)>& prepare) {
  return over_all_crashes<std::string>(prepare, [](Disk& disk) { return disk.text_of("a"); });
}

using Texts = std::set<std::string>;

Texts keys_of(const std::map<std::string, int>& seen) {
  Texts keys;
  for (const auto& [text, count] : seen) keys.insert(text);
  return keys;
}

TEST(MemoryCrash, SyncedBytesUnderASyncedNameAlwaysSurvive) {
  const auto seen = texts_after_crash([](Disk& disk) { (void)disk.durable_file("a", "durable"); });
  EXPECT_EQ(keys_of(seen), Texts{"durable"});
}

TEST(MemoryCrash, ANameWithoutADirectorySyncMayBeGoneThoughItsFileWasSynced) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.open("a");
    Disk::write(*file, 0, "synced");
    ASSERT_TRUE(file->sync());
  });
  EXPECT_EQ(keys_of(seen), (Texts{"(not_found)", "synced"}));
}

TEST(MemoryCrash, ADirectorySyncDoesNotMakeBytesDurable) {
  const auto seen = texts_after_crash([](Disk& disk) {
    Disk::write(*disk.open("a"), 0, std::string(3, 'x'));
    ASSERT_TRUE(disk.fs().sync_directory("."));
  });
  EXPECT_TRUE(seen.contains(""));
  EXPECT_TRUE(seen.contains("xxx"));
  EXPECT_TRUE(seen.contains(std::string(3, '\0'))) << "the size may have grown without the bytes";
  EXPECT_FALSE(seen.contains("(not_found)"));
}

TEST(MemoryCrash, UnsyncedSectorsSurviveInAnyCombination) {
  const std::string old_text(4 * sector_size, '-');
  std::set<std::string> combinations;
  const auto seen = texts_after_crash([&](Disk& disk) {
    const auto file = disk.durable_file("a", old_text);
    for (std::size_t i = 0; i < 4; ++i) Disk::write(*file, i * sector_size, std::string(sector_size, '+'));
  });
  for (const auto& [text, count] : seen) {
    ASSERT_EQ(text.size(), old_text.size());
    std::string combination;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::string_view sector = std::string_view(text).substr(i * sector_size, sector_size);
      const auto new_bytes = static_cast<std::size_t>(std::ranges::count(sector, '+'));
      combination += new_bytes == sector_size ? '+' : new_bytes == 0 ? '-' : 't';
    }
    combinations.insert(combination);
  }
  for (const char* combination : {"----", "++++", "-+++", "+-+-", "---+"}) {
    EXPECT_TRUE(combinations.contains(combination)) << combination;
  }
  EXPECT_TRUE(std::ranges::any_of(combinations, [](const std::string& c) { return c.find('t') != std::string::npos; }));
}

TEST(MemoryCrash, ATornSectorMixesOldAndNewBytesAndNothingElse) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", std::string(sector_size, 'o'));
    Disk::write(*file, 0, std::string(sector_size, 'n'));
  });
  int torn = 0;
  for (const auto& [text, count] : seen) {
    ASSERT_EQ(text.size(), sector_size);
    ASSERT_EQ(text.find_first_not_of("on"), std::string::npos);
    if (text.find('o') != std::string::npos && text.find('n') != std::string::npos) torn += count;
  }
  EXPECT_GT(torn, 0);
}

TEST(MemoryCrash, AnyEarlierStateOfASectorMayBeTheOneOnTheDisk) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "0");
    for (const char* text : {"1", "2", "3"}) Disk::write(*file, 0, text);
  });
  EXPECT_EQ(keys_of(seen), (Texts{"0", "1", "2", "3"}));
}

TEST(MemoryCrash, SizesLieBetweenTheSyncedOneAndTheLast) {
  std::set<std::size_t> sizes;
  for (const auto& [text, count] : texts_after_crash([](Disk& disk) {
         const auto file = disk.durable_file("a", std::string(100, 'o'));
         Disk::write(*file, 100, std::string(50, 'n'));
         Disk::write(*file, 150, std::string(50, 'n'));
       })) {
    EXPECT_EQ(text.substr(0, 100), std::string(100, 'o'));
    sizes.insert(text.size());
  }
  for (const std::size_t size : {100U, 150U, 200U}) EXPECT_TRUE(sizes.contains(size)) << size;
  EXPECT_GE(*sizes.begin(), 100U);
  EXPECT_LE(*sizes.rbegin(), 200U);
  EXPECT_GT(sizes.size(), 3U) << "a size between two writes";
}

TEST(MemoryCrash, AnUnsyncedCutMayBringTheOldBytesBack) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "stale");
    ASSERT_TRUE(file->truncate(0));
  });
  EXPECT_TRUE(seen.contains("stale"));
  EXPECT_TRUE(seen.contains(""));
}

TEST(MemoryCrash, ASyncedCutNeverBringsThemBack) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", std::string(3000, 's'));
    ASSERT_TRUE(file->truncate(700));
    ASSERT_TRUE(file->sync_data());
    ASSERT_TRUE(file->truncate(3000));
    ASSERT_TRUE(file->sync_data());
  });
  EXPECT_EQ(keys_of(seen), Texts{std::string(700, 's') + std::string(2300, '\0')});
}

TEST(MemoryCrash, ARemovedFileMayComeBackUntilItsDirectoryIsSynced) {
  const auto remove = [](Disk& disk) {
    (void)disk.durable_file("a", "here");
    ASSERT_TRUE(disk.fs().remove("a"));
  };
  EXPECT_EQ(keys_of(texts_after_crash(remove)), (Texts{"here", "(not_found)"}));
  const auto removed = texts_after_crash([&](Disk& disk) {
    remove(disk);
    ASSERT_TRUE(disk.fs().sync_directory("/"));
  });
  EXPECT_EQ(keys_of(removed), Texts{"(not_found)"});
}

TEST(MemoryCrash, AfterAnUnsyncedRenameBothNamesMayExistOrNeither) {
  const auto seen = over_all_crashes<std::string>(
      [](Disk& disk) {
        (void)disk.durable_file("from", "x");
        ASSERT_TRUE(disk.fs().rename("from", "to"));
      },
      [](Disk& disk) { return std::string(disk.has("from") ? "from " : "") + (disk.has("to") ? "to" : ""); });
  EXPECT_EQ(keys_of(seen), (Texts{"from ", "to", "from to", ""}));
}

TEST(MemoryCrash, AReplacingRenameLeavesTheOldFileOrTheNewUnderTheName) {
  const auto seen = texts_after_crash([](Disk& disk) {
    (void)disk.durable_file("a", "old");
    (void)disk.durable_file("b", "new");
    ASSERT_TRUE(disk.fs().rename("b", "a"));
  });
  EXPECT_EQ(keys_of(seen), (Texts{"old", "new"}));
}

TEST(MemoryCrash, ADurableWriteLeavesTheOldBytesOrTheNewAndTheNewOnceItReturned) {
  const auto seen = texts_after_crash([](Disk& disk) {
    ASSERT_TRUE(write_file_durably(disk.fs(), "a", as_bytes("old")));
    ASSERT_TRUE(write_file_durably(disk.fs(), "a", as_bytes("new")));
  });
  EXPECT_EQ(keys_of(seen), Texts{"new"});
}

TEST(MemoryCrash, ALostDirectoryNameTakesAllBelowWithIt) {
  const auto prepare = [](Disk& disk) {
    ASSERT_TRUE(disk.fs().create_directories("d/e"));
    (void)disk.durable_file("d/e/a", "deep");
    ASSERT_TRUE(disk.fs().sync_directory("d"));
  };
  const std::function<std::string(Disk&)> look = [](Disk& disk) { return disk.text_of("d/e/a"); };
  EXPECT_EQ(keys_of(over_all_crashes<std::string>(prepare, look)), (Texts{"(not_found)", "deep"}));
  const auto synced = over_all_crashes<std::string>(
      [&](Disk& disk) {
        prepare(disk);
        ASSERT_TRUE(disk.fs().sync_directory("."));
      },
      look);
  EXPECT_EQ(keys_of(synced), Texts{"deep"});
}

TEST(MemoryCrash, DirectoriesMadeDurablyAreThere) {
  const auto seen =
      over_all_crashes<bool>([](Disk& disk) { ASSERT_TRUE(create_directories_durably(disk.fs(), "x/y/z")); },
                             [](Disk& disk) { return disk.has("x/y/z"); });
  EXPECT_EQ(seen, (std::map<bool, int>{{true, static_cast<int>(seed_count)}}));
}

TEST(MemoryCrash, OneSeedOverOneHistoryLeavesOneDisk) {
  const auto disk_after = [](std::uint64_t seed) {
    Disk disk;
    const auto file = disk.durable_file("a", std::string(20'000, 'o'));
    for (std::size_t i = 0; i < 20'000; i += 300) Disk::write(*file, i, std::string(200, 'n'));
    disk.fs().crash(seed);
    return disk.text_of("a");
  };
  EXPECT_EQ(disk_after(7), disk_after(7));
  std::set<std::string> disks;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) disks.insert(disk_after(seed));
  EXPECT_GT(disks.size(), 5U);
}

TEST(MemoryCrash, WhatACrashLeftStaysInTheNext) {
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Disk disk;
    Disk::write(*disk.open("a"), 0, std::string(3000, 'x'));
    disk.fs().crash(seed);
    const std::string left = disk.text_of("a");
    disk.fs().crash(seed + 1);
    ASSERT_EQ(disk.text_of("a"), left);
  }
}

TEST(MemoryCrash, OpenFilesAreDeadAndLocksAreGoneAfterwards) {
  for (const bool power_cut : {true, false}) {
    Disk disk;
    const auto file = disk.durable_file("a", "x");
    const auto lock = disk.fs().lock("lock");
    ASSERT_TRUE(lock);
    ASSERT_TRUE(disk.fs().sync_directory("."));
    power_cut ? disk.fs().crash(1) : disk.fs().kill();
    Bytes into(1);
    EXPECT_EQ(file->read_at(0, into).error().code, Errc::io_error);
    EXPECT_EQ(file->write_at(0, as_bytes("y")).error().code, Errc::io_error);
    EXPECT_EQ(file->sync_data().error().code, Errc::io_error);
    EXPECT_EQ(file->sync().error().code, Errc::io_error);
    EXPECT_EQ(file->truncate(0).error().code, Errc::io_error);
    EXPECT_EQ(file->size().error().code, Errc::io_error);
    EXPECT_EQ(disk.text_of("a"), "x");
    EXPECT_TRUE(disk.fs().lock("lock"));
  }
}

TEST(MemoryKill, AnOldLockThatIsDestroyedLaterFreesNothing) {
  Disk disk;
  auto old_lock = disk.fs().lock("lock");
  ASSERT_TRUE(old_lock);
  disk.fs().kill();
  const auto new_lock = disk.fs().lock("lock");
  ASSERT_TRUE(new_lock);
  old_lock->reset();
  EXPECT_EQ(disk.fs().lock("lock").error().code, Errc::locked);
}

TEST(MemoryKill, KeepsWhatWasNeverSynced) {
  Disk disk;
  Disk::write(*disk.open("a"), 0, "in the kernel");
  disk.fs().kill();
  EXPECT_EQ(disk.text_of("a"), "in the kernel");
}

TEST(MemoryKill, DoesNotMakeItDurable) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "old");
    Disk::write(*file, 0, "new");
    disk.fs().kill();
  });
  EXPECT_TRUE(seen.contains("old"));
  EXPECT_TRUE(seen.contains("new"));
}

TEST(FailedSync, BytesItWasToCoverAreReadUntilTheCrashAndThenGoneDespiteALaterSync) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "old");
    Disk::write(*file, 0, "new and longer");
    Disk::lose_unsynced(*file);
    ASSERT_TRUE(file->sync());
    ASSERT_EQ(disk.text_of("a"), "new and longer");
  });
  EXPECT_EQ(keys_of(seen), Texts{"old"});
}

TEST(FailedSync, BytesWrittenAfterItAreMadeDurableByTheNextSync) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "oooooo");
    Disk::write(*file, 0, "nnnnnn");
    Disk::lose_unsynced(*file);
    Disk::write(*file, 2, "nn");  // the same bytes as are to be seen there
    ASSERT_TRUE(file->sync_data());
    ASSERT_EQ(disk.text_of("a"), "nnnnnn");
  });
  EXPECT_EQ(keys_of(seen), Texts{"oonnoo"});
}

TEST(FailedSync, AnAppendBehindTheLostBytesLeavesAHoleOfZeros) {
  const auto seen = texts_after_crash([](Disk& disk) {
    const auto file = disk.durable_file("a", "kept");
    Disk::write(*file, 4, "lost");
    Disk::lose_unsynced(*file);
    Disk::write(*file, 8, "next");
    ASSERT_TRUE(file->sync_data());
  });
  EXPECT_EQ(keys_of(seen), Texts{std::string("kept\0\0\0\0next", 12)});
}

TEST(FailedSync, ANameItWasToCoverIsGoneDespiteALaterSync) {
  const auto seen = over_all_crashes<std::string>(
      [](Disk& disk) {
        (void)disk.durable_file("old", "x");
        ASSERT_TRUE(disk.open("lost"));
        ASSERT_TRUE(disk.fs().remove("old"));
        ASSERT_TRUE(disk.fs().lose_unsynced_names("."));
        ASSERT_TRUE(disk.open("later"));
        ASSERT_TRUE(disk.fs().sync_directory("."));
        ASSERT_TRUE(disk.has("lost"));
        ASSERT_FALSE(disk.has("old"));
      },
      [](Disk& disk) {
        return std::string(disk.has("lost") ? "lost " : "") + (disk.has("old") ? "old " : "") +
               (disk.has("later") ? "later" : "");
      });
  EXPECT_EQ(keys_of(seen), Texts{"old later"});
}

TEST(MemoryCapacity, AWriteThatNeedsMoreWritesWhatFitsAndFails) {
  Disk disk;
  disk.fs().set_capacity(10);
  const auto file = disk.open("a");
  Disk::write(*file, 0, "12345678");
  const auto written = file->write_at(8, as_bytes("90abc"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::no_space);
  EXPECT_EQ(disk.text_of("a"), "1234567890");
  EXPECT_EQ(disk.fs().used(), 10U);
  EXPECT_EQ(*disk.fs().space("a"), (Space{.size = 10, .available = 0}));
  Disk::write(*file, 0, "overwrites");
  EXPECT_EQ(file->truncate(11).error().code, Errc::no_space);
}

TEST(MemoryCapacity, AFullDiskTakesNoNewNamesButOtherNamesForOldOnes) {
  Disk disk;
  disk.fs().set_capacity(10);
  Disk::write(*disk.open("a"), 0, "1234567890");
  EXPECT_EQ(disk.fs().open("b", OpenMode::create).error().code, Errc::no_space);
  EXPECT_EQ(disk.fs().create_directories("d").error().code, Errc::no_space);
  EXPECT_TRUE(disk.fs().open("a", OpenMode::create));
  EXPECT_TRUE(disk.fs().rename("a", "c"));
  EXPECT_EQ(disk.text_of("c"), "1234567890");
}

TEST(MemoryCapacity, RemovingAndCuttingGiveRoomBack) {
  Disk disk;
  disk.fs().set_capacity(10);
  const auto file = disk.open("a");
  Disk::write(*file, 0, "1234567890");
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(disk.fs().used(), 4U);
  const auto second = disk.open("b");
  Disk::write(*second, 0, "123456");
  ASSERT_TRUE(disk.fs().rename("b", "a"));
  EXPECT_EQ(disk.fs().used(), 6U);
  ASSERT_TRUE(disk.fs().remove("a"));
  EXPECT_EQ(disk.fs().used(), 0U);
}

TEST(MemoryCapacity, IsCountedAnewAfterACrash) {
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Disk disk;
    Disk::write(*disk.durable_file("a", "1234"), 4, "5678");
    Disk::write(*disk.open("b"), 0, "1234");
    ASSERT_TRUE(disk.fs().rename("a", "c"));
    disk.fs().crash(seed);
    std::uint64_t expected = 0;
    // A file that has two names is one file.
    if (disk.has("a") || disk.has("c")) expected += disk.text_of(disk.has("a") ? "a" : "c").size();
    if (disk.has("b")) expected += disk.text_of("b").size();
    ASSERT_EQ(disk.fs().used(), expected);
  }
}

TEST(BitRot, FlipsOneBitThatNoSyncAndNoCrashPutsRight) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Disk disk;
    const auto file = disk.durable_file("a", "aaaa");
    Disk::write(*file, 2, "aab");
    ASSERT_TRUE(disk.fs().flip_bit("a", 2 * 8 + 1));
    EXPECT_EQ(disk.text_of("a"), "aacab");
    disk.fs().crash(seed);
    EXPECT_EQ(disk.text_of("a").substr(0, 4), "aaca") << "seed " << seed;
  }
}

TEST(BitRot, NeedsAFileAndABitInIt) {
  Disk disk;
  (void)disk.durable_file("a", "x");
  EXPECT_EQ(disk.fs().flip_bit("none", 0).error().code, Errc::not_found);
  EXPECT_EQ(disk.fs().flip_bit("a", 8).error().code, Errc::invalid_argument);
  EXPECT_EQ(disk.fs().flip_bit(".", 0).error().code, Errc::invalid_argument);
}

TEST(MemoryPaths, SpellingsOfOnePathAreOneFile) {
  Disk disk;
  ASSERT_TRUE(disk.fs().create_directories("/d//e/"));
  Disk::write(*disk.open("d/e/a"), 0, "one");
  EXPECT_EQ(disk.text_of("/d/./e//a"), "one");
  EXPECT_EQ(disk.fs().open("d/../a", OpenMode::create).error().code, Errc::invalid_argument);
}

TEST(MemoryFileSystem, AHugeFileOfZerosTakesNoRoomToSpeakOf) {
  Disk disk;
  const auto file = disk.open("a");
  ASSERT_TRUE(file->truncate(std::uint64_t{1} << 50));
  Disk::write(*file, std::uint64_t{1} << 49, "middle");
  ASSERT_TRUE(file->sync());
  disk.fs().crash(1);
  ASSERT_TRUE(disk.fs().used() == 0 || disk.fs().used() == std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace bitacora::storage
