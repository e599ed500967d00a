#include "memory_tree.h"

#include <utility>

namespace bitacora::storage {

MemoryNodePtr MemoryDirectory::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

void MemoryDirectory::set(std::string_view name, MemoryNodePtr node) {
  const auto entry = entries_.find(name);
  auto unsynced = unsynced_.find(name);
  if (unsynced == unsynced_.end()) {
    MemoryNodePtr durable = entry == entries_.end() ? nullptr : entry->second;
    unsynced = unsynced_.emplace(name, UnsyncedName{std::move(durable), {}}).first;
  }
  unsynced->second.since.push_back(node);
  if (node && entry != entries_.end()) {
    entry->second = std::move(node);
  } else if (node) {
    entries_.emplace(name, std::move(node));
  } else if (entry != entries_.end()) {
    entries_.erase(entry);
  }
}

void MemoryDirectory::sync() {
  std::erase_if(unsynced_, [](const auto& entry) { return !entry.second.since.empty(); });
}

void MemoryDirectory::lose_unsynced() {
  for (auto& [name, unsynced] : unsynced_) unsynced.since.clear();
}

void MemoryDirectory::crash(CrashDice& dice) {
  const CrashDice::Fate fate = dice.draw_fate();
  for (auto& [name, unsynced] : unsynced_) {
    const std::size_t version = dice.draw_version(fate, unsynced.since.size());
    MemoryNodePtr node = version == 0 ? unsynced.durable : unsynced.since[version - 1];
    if (node) {
      entries_.insert_or_assign(name, std::move(node));
    } else {
      entries_.erase(name);
    }
  }
  unsynced_.clear();
}

}  // namespace bitacora::storage
