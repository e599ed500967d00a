// The file system in memory beside simple models of it, under random operations.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

#include "storage/memory_disk.h"

namespace bitacora::storage {
namespace {

// The file system against one string and one durable string per file, under random writes, cuts, syncs and failed
// syncs.
struct ModelFile {
  std::string visible;
  // Each byte that the disk may have at a position, by the durable one and the writes since. Bytes beyond all are
  // absent.
  std::map<std::size_t, std::set<char>> possible;
  std::size_t least_size = 0;
  std::size_t most_size = 0;

  void allow(std::size_t position, char byte) {
    auto& bytes = possible[position];
    if (bytes.empty()) bytes.insert('\0');
    bytes.insert(byte);
  }
  void see_size() {
    least_size = std::min(least_size, visible.size());
    most_size = std::max(most_size, visible.size());
  }
  void write(std::size_t position, const std::string& text) {
    if (visible.size() < position + text.size()) visible.resize(position + text.size());
    visible.replace(position, text.size(), text);
    for (std::size_t i = 0; i < text.size(); ++i) allow(position + i, text[i]);
    see_size();
  }
  void truncate(std::size_t size) {
    for (std::size_t i = size; i < visible.size(); ++i) allow(i, '\0');
    visible.resize(size);
    see_size();
  }
  void sync() {
    possible.clear();
    for (std::size_t i = 0; i < visible.size(); ++i) possible[i] = {visible[i]};
    least_size = most_size = visible.size();
  }
};

TEST(MemoryFileSystem, AgreesWithAModelUnderRandomOperationsAndCrashes) {
  const bool holds = rc::check("every crash leaves only bytes and sizes that the disk may have", [] {
    Disk disk;
    auto file = disk.durable_file("a", "");
    ModelFile model;
    const auto steps = *rc::gen::inRange(1, 40);
    for (int step = 0; step < steps; ++step) {
      const auto action = *rc::gen::inRange(0, 10);
      const auto position = *rc::gen::inRange<std::size_t>(0, 5000);
      if (action < 5) {
        const std::string text(*rc::gen::inRange<std::size_t>(1, 2000), *rc::gen::element('a', 'b', 'c', '\0'));
        Disk::write(*file, position, text);
        model.write(position, text);
      } else if (action < 7) {
        RC_ASSERT(file->truncate(position).has_value());
        model.truncate(position);
      } else if (action < 9) {
        RC_ASSERT(file->sync_data().has_value());
        model.sync();
      } else {
        disk.fs().crash(*rc::gen::arbitrary<std::uint64_t>());
        file = disk.open("a", OpenMode::read_write);
        const std::string left = disk.text_of("a");
        RC_ASSERT(left.size() >= model.least_size && left.size() <= model.most_size);
        for (std::size_t i = 0; i < left.size(); ++i) {
          const auto possible = model.possible.find(i);
          const bool is_written = possible != model.possible.end();
          const bool is_possible = is_written ? possible->second.contains(left[i]) : left[i] == '\0';
          RC_ASSERT(is_possible);
        }
        model.visible = left;
        model.sync();
      }
      RC_ASSERT(disk.text_of("a") == model.visible);
    }
  });
  EXPECT_TRUE(holds);
}

// Names against a std::map, with directories, renames and removals; no crash.
TEST(MemoryFileSystem, NamesAgreeWithAMapUnderRandomOperations) {
  const bool holds = rc::check("list, read and exists agree with a map", [] {
    Disk disk;
    RC_ASSERT(disk.fs().create_directories("d").has_value());
    std::map<std::string, std::string> model;
    const auto any_name = rc::gen::element<std::string>("a", "b", "d/a", "d/b");
    for (int step = 0; step < 50; ++step) {
      const std::string name = *any_name;
      switch (*rc::gen::inRange(0, 4)) {
        case 0: {
          const std::string text = std::to_string(step);
          RC_ASSERT(write_file_durably(disk.fs(), name, as_bytes(text)).has_value());
          model[name] = text;
          break;
        }
        case 1: {
          RC_ASSERT(disk.fs().remove(name).has_value() == (model.erase(name) == 1));
          break;
        }
        case 2: {
          const std::string to = *any_name;
          const bool there = model.contains(name);
          RC_ASSERT(disk.fs().rename(name, to).has_value() == there);
          if (there && name != to) {
            model[to] = model[name];
            model.erase(name);
          }
          break;
        }
        default: RC_ASSERT(disk.has(name) == model.contains(name));
      }
      std::uint64_t total = 0;
      for (const auto& [path, text] : model) {
        RC_ASSERT(disk.text_of(path) == text);
        total += text.size();
      }
      RC_ASSERT(disk.fs().used() == total);
    }
    const std::size_t file_count = disk.fs().list("d")->size() + disk.fs().list(".")->size() - 1;
    RC_ASSERT(file_count == model.size());
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace bitacora::storage
