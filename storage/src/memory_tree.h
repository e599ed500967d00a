// Files and directories in memory, with the names that a power cut may take or bring back.
//
// A node is a file or a directory and knows no name; a directory holds names, the visible ones and, for each that
// changed since the directory was synced, what it named then and since. A node lives as long as a name, an old name or
// an open file leads to it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crash_dice.h"
#include "memory_image.h"

namespace bitacora::storage {

struct MemoryNode;
using MemoryNodePtr = std::shared_ptr<MemoryNode>;
using MemoryNames = std::map<std::string, MemoryNodePtr, std::less<>>;

class MemoryDirectory {
 public:
  [[nodiscard]] const MemoryNames& entries() const noexcept { return entries_; }
  [[nodiscard]] MemoryNodePtr find(std::string_view name) const;  // nullptr if there is none
  // nullptr removes the name.
  void set(std::string_view name, MemoryNodePtr node);

  void sync();
  void lose_unsynced();  // as MemoryImage::lose_unsynced, for names
  // Decides over this directory's names only, not over what they lead to.
  void crash(CrashDice& dice);

 private:
  struct UnsyncedName {
    MemoryNodePtr durable;             // nullptr: no such name
    std::vector<MemoryNodePtr> since;  // in order; empty: a sync failed
  };
  MemoryNames entries_;
  std::map<std::string, UnsyncedName, std::less<>> unsynced_;
};

struct MemoryNode {
  std::variant<MemoryImage, MemoryDirectory> content;
  std::uint32_t name_count = 0;            // visible names; 0: unlinked, its bytes do not count as used
  std::uint64_t locked_in_generation = 0;  // 0: not locked; see MemoryFileSystem

  [[nodiscard]] MemoryImage* image() noexcept { return std::get_if<MemoryImage>(&content); }
  [[nodiscard]] MemoryDirectory* directory() noexcept { return std::get_if<MemoryDirectory>(&content); }
};

}  // namespace bitacora::storage
