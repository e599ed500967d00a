#include "memory_image.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/assert.h"

namespace bitacora::storage {
namespace {

constexpr std::array<std::byte, MemoryImage::page_size> zeros{};

// As equal(), for sizes that are the same; this is where a simulator spends its time.
bool same_bytes(ByteView a, ByteView b) { return a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0; }
// The same for copying and filling: the algorithms go byte by byte where a compiler does not see through them.
void copy_bytes(ByteView from, std::byte* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}
void fill_with_zeros(std::span<std::byte> bytes) {
  if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());
}

}  // namespace

std::size_t MemoryImage::read(std::uint64_t position, std::span<std::byte> into) const {
  if (position >= size_) return 0;
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - position));
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t at = position + done;
    const std::size_t begin = at % page_size;
    const std::size_t size = std::min(page_size - begin, count - done);
    const auto page = pages_.find(at / page_size);
    if (page == pages_.end()) {
      fill_with_zeros(into.subspan(done, size));
    } else {
      copy_bytes(ByteView(*page->second).subspan(begin, size), into.data() + done);
    }
    done += size;
  }
  return count;
}

void MemoryImage::write(std::uint64_t position, ByteView bytes) {
  if (bytes.empty()) return;
  const std::uint64_t end = position + bytes.size();
  while (!bytes.empty()) {
    const std::size_t in_page = position % page_size;
    const ByteView piece = bytes.first(std::min(page_size - in_page, bytes.size()));
    if (!is_untouched_zeros(position, piece)) write_sectors(position, piece);
    position += piece.size();
    bytes = bytes.subspan(piece.size());
  }
  size_ = std::max(size_, end);
  if (end > next_durable_size_) {
    next_durable_size_ = end;
    unsynced_sizes_.push_back(end);
  }
}

// Filling a file with zeros ahead of its use is the largest write there is; where nothing was, it changes nothing.
bool MemoryImage::is_untouched_zeros(std::uint64_t position, ByteView bytes) const {
  if (pages_.contains(position / page_size) || !same_bytes(bytes, ByteView(zeros).first(bytes.size()))) return false;
  const auto unsynced = unsynced_.lower_bound(position / sector_size);
  return unsynced == unsynced_.end() || unsynced->first * sector_size >= position + bytes.size();
}

void MemoryImage::write_sectors(std::uint64_t position, ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t begin = position % sector_size;
    const ByteView piece = bytes.first(std::min(sector_size - begin, bytes.size()));
    write_sector(position / sector_size, begin, piece);
    position += piece.size();
    bytes = bytes.subspan(piece.size());
  }
}

void MemoryImage::write_sector(std::uint64_t sector, std::size_t begin, ByteView bytes) {
  auto found = unsynced_.find(sector);
  const bool lost = found != unsynced_.end() && found->second.lost;
  // Bytes that are there already make no new state, unless the disk was never to have them.
  if (!lost && visible_equals(sector * sector_size + begin, bytes)) return;

  const auto visible = visible_sector(sector);
  if (found == unsynced_.end()) {
    found = unsynced_.try_emplace(sector).first;
    copy_bytes(visible, found->second.durable.data());
  }
  found->second.writes.push_back({static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(bytes.size())});
  append(found->second.written, bytes);
  copy_bytes(bytes, visible.data() + begin);
}

void MemoryImage::truncate(std::uint64_t size) {
  if (size < size_) {
    // Cutting is writing zeros that a crash may leave out: then the old bytes are back if the file is long enough
    // again.
    std::set<std::uint64_t> sectors;
    const std::uint64_t first = size / sector_size;
    for (auto page = pages_.lower_bound(size / page_size); page != pages_.end(); ++page) {
      const std::uint64_t page_first = page->first * (page_size / sector_size);
      for (std::uint64_t i = 0; i < page_size / sector_size; ++i) sectors.insert(std::max(page_first + i, first));
    }
    for (auto it = unsynced_.lower_bound(first); it != unsynced_.end(); ++it) sectors.insert(it->first);
    for (const std::uint64_t sector : sectors) {
      const std::size_t begin = sector == first ? static_cast<std::size_t>(size % sector_size) : 0;
      write_sector(sector, begin, ByteView(zeros).first(sector_size - begin));
    }
    drop_visible_from(size);
  }
  if (size == size_ && size == next_durable_size_) return;
  size_ = size;
  next_durable_size_ = size;
  unsynced_sizes_.push_back(size);
}

void MemoryImage::sync() {
  for (auto it = unsynced_.begin(); it != unsynced_.end();) {
    UnsyncedSector& unsynced = it->second;
    if (!unsynced.lost) {
      it = unsynced_.erase(it);
      continue;
    }
    unsynced.durable = version_of(unsynced, unsynced.writes.size());
    unsynced.writes.clear();
    unsynced.written.clear();
    ++it;
  }
  durable_size_ = next_durable_size_;
  unsynced_sizes_.clear();
}

void MemoryImage::lose_unsynced() {
  for (auto& [sector, unsynced] : unsynced_) {
    unsynced.lost = true;
    unsynced.writes.clear();
    unsynced.written.clear();
  }
  next_durable_size_ = durable_size_;
  unsynced_sizes_.clear();
}

void MemoryImage::crash(CrashDice& dice) {
  const CrashDice::Fate fate = dice.draw_fate();
  for (const auto& [sector, unsynced] : unsynced_) {
    copy_bytes(crashed(unsynced, fate, dice), visible_sector(sector).data());
  }
  unsynced_.clear();
  size_ = crashed_size(fate, dice);
  drop_visible_from(size_);
  durable_size_ = next_durable_size_ = size_;
  unsynced_sizes_.clear();
}

MemoryImage::Sector MemoryImage::crashed(const UnsyncedSector& unsynced, CrashDice::Fate fate, CrashDice& dice) {
  constexpr unsigned torn_percent = 15;
  const std::size_t write_count = unsynced.writes.size();
  Sector sector = version_of(unsynced, dice.draw_version(fate, write_count));
  if (fate.is_mixed() && write_count > 0 && dice.chance(torn_percent)) {
    const Sector other = version_of(unsynced, static_cast<std::size_t>(dice.below(write_count + 1)));
    const std::size_t begin = dice.below(sector_size);
    const std::size_t end = begin + 1 + dice.below(sector_size - begin);
    std::copy(other.begin() + begin, other.begin() + end, sector.begin() + begin);
  }
  return sector;
}

std::uint64_t MemoryImage::crashed_size(CrashDice::Fate fate, CrashDice& dice) const {
  const std::size_t version = dice.draw_version(fate, unsynced_sizes_.size());
  if (unsynced_sizes_.empty() || !fate.is_mixed() || dice.chance(50)) {
    return version == 0 ? durable_size_ : unsynced_sizes_[version - 1];
  }
  const auto [smallest, largest] = std::ranges::minmax(unsynced_sizes_);
  const std::uint64_t least = std::min(smallest, durable_size_);
  const std::uint64_t most = std::max(largest, durable_size_);
  return least + dice.below(most - least + 1);
}

void MemoryImage::flip_bit(std::uint64_t bit) {
  BITACORA_ASSERT(bit / 8 < size_);
  const std::uint64_t sector = bit / 8 / sector_size;
  const std::size_t at = bit / 8 % sector_size;
  const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
  visible_sector(sector)[at] ^= mask;
  const auto found = unsynced_.find(sector);
  if (found == unsynced_.end()) return;
  UnsyncedSector& unsynced = found->second;
  unsynced.durable[at] ^= mask;
  std::size_t written_begin = 0;
  for (const SectorWrite& write : unsynced.writes) {
    if (at >= write.begin && at < std::size_t{write.begin} + write.size) {
      unsynced.written[written_begin + at - write.begin] ^= mask;
    }
    written_begin += write.size;
  }
}

std::span<std::byte, MemoryImage::sector_size> MemoryImage::visible_sector(std::uint64_t sector) {
  const std::uint64_t position = sector * sector_size;
  std::unique_ptr<Page>& page = pages_[position / page_size];
  if (!page) page = std::make_unique<Page>();  // zeros
  return std::span<std::byte, sector_size>(page->data() + position % page_size, sector_size);
}

// `bytes` lie within one sector.
bool MemoryImage::visible_equals(std::uint64_t position, ByteView bytes) const {
  const auto page = pages_.find(position / page_size);
  if (page == pages_.end()) return same_bytes(bytes, ByteView(zeros).first(bytes.size()));
  return same_bytes(bytes, ByteView(*page->second).subspan(position % page_size, bytes.size()));
}

MemoryImage::Sector MemoryImage::version_of(const UnsyncedSector& unsynced, std::size_t write_count) {
  Sector sector = unsynced.durable;
  auto bytes = unsynced.written.begin();
  for (std::size_t i = 0; i < write_count; ++i) {
    const SectorWrite& write = unsynced.writes[i];
    std::copy_n(bytes, write.size, sector.begin() + write.begin);
    bytes += write.size;
  }
  return sector;
}

void MemoryImage::drop_visible_from(std::uint64_t size) {
  const std::uint64_t page_number = size / page_size;
  const auto page = pages_.find(page_number);
  if (page != pages_.end()) {
    fill_with_zeros(std::span(*page->second).subspan(size % page_size));
  }
  pages_.erase(pages_.upper_bound(page_number), pages_.end());
}

}  // namespace bitacora::storage
