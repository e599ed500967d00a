// The bytes of one file in memory, with what a power cut may make of them.
//
// Reads see every write at once. Beside the visible bytes it keeps, for each 512-byte sector that was written since the
// last sync, the sector's durable bytes and the writes made to it since; and the sizes that the file has had since. So
// a write costs what it writes, a sync what was written, and a crash what was not synced; the size of the file does not
// matter. Zeros that were never written over take no room.
//
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "crash_dice.h"

namespace bitacora::storage {

class MemoryImage {
 public:
  static constexpr std::size_t sector_size = 512;
  static constexpr std::size_t page_size = 8 * sector_size;  // what room is taken by

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t read(std::uint64_t position, std::span<std::byte> into) const;
  void write(std::uint64_t position, ByteView bytes);
  void truncate(std::uint64_t size);

  // Everything written so far is durable, but for what lose_unsynced took away.
  void sync();
  // A sync failed: what it was to cover stays visible and is gone after the next crash, whatever is synced in between.
  // Bytes that are written over later are as new.
  void lose_unsynced();
  // Leaves what the disk has. Of each unsynced sector that is any state it went through, or, torn, a run of bytes of
  // one such state within another; the size is any the file had or any between the smallest and the largest of those.
  void crash(CrashDice& dice);
  // Changes the bit in all states of its byte. bit < 8 * size().
  void flip_bit(std::uint64_t bit);

 private:
  using Sector = std::array<std::byte, sector_size>;
  using Page = std::array<std::byte, page_size>;

  struct SectorWrite {
    std::uint16_t begin;  // within the sector
    std::uint16_t size;
  };
  struct UnsyncedSector {
    Sector durable;
    std::vector<SectorWrite> writes;  // in the order made
    Bytes written;                    // their bytes, one behind the other
    bool lost = false;                // the visible bytes are not `durable` plus `writes`: a sync failed
  };

  [[nodiscard]] std::span<std::byte, sector_size> visible_sector(std::uint64_t sector);
  [[nodiscard]] bool visible_equals(std::uint64_t position, ByteView bytes) const;
  [[nodiscard]] static Sector version_of(const UnsyncedSector& unsynced, std::size_t write_count);
  [[nodiscard]] static Sector crashed(const UnsyncedSector& unsynced, CrashDice::Fate fate, CrashDice& dice);
  [[nodiscard]] std::uint64_t crashed_size(CrashDice::Fate fate, CrashDice& dice) const;
  [[nodiscard]] bool is_untouched_zeros(std::uint64_t position, ByteView bytes) const;
  void write_sectors(std::uint64_t position, ByteView bytes);
  void write_sector(std::uint64_t sector, std::size_t begin, ByteView bytes);
  void drop_visible_from(std::uint64_t size);

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;  // visible bytes by position / page_size; absent: zeros
  std::map<std::uint64_t, UnsyncedSector> unsynced_;      // by position / sector_size
  std::uint64_t size_ = 0;                                // visible; what is beyond is zero in pages_
  std::uint64_t durable_size_ = 0;
  std::uint64_t next_durable_size_ = 0;        // after a sync now; size_ unless a sync failed
  std::vector<std::uint64_t> unsynced_sizes_;  // each value of next_durable_size_ since the sync
};

}  // namespace bitacora::storage
