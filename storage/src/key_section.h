// One section of a key index: which blocks of a part of a segment hold which keys. docs/storage-format.md, "Key index".
//
// A block is a run of whole batches of at least `key_block_bytes`. A section is built in bounded memory, sealed with a
// checksum and bound to the batches it speaks of by the last one's CRC.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "storage/batch.h"
#include "storage/key_search.h"
#include "storage/offset.h"

namespace bitacora::storage {

inline constexpr std::uint64_t key_block_bytes = 4096;

// What a section is about.
struct KeySectionScope {
  static constexpr std::uint64_t no_batch = UINT64_MAX;
  OffsetRange offsets;
  std::uint64_t end_position = 0;          // in the segment's file: where the batch with offsets.end stands or will
  std::uint64_t last_position = no_batch;  // of the last good batch
  std::uint32_t last_crc = 0;              // its CRC
};

class KeySectionBuilder {
 public:
  // Begins in front of the batch with this offset. `max_memory`: what keys and their blocks may take, in bytes.
  KeySectionBuilder(Offset base, std::uint64_t position, std::size_t max_memory);

  // The next batch, which stands where the last one ended.
  void add(const BatchView& batch);
  // What cannot be read and lies next: whoever searches is sent there and will be told.
  void add_unreadable(Offset end, std::uint64_t end_position);

  [[nodiscard]] bool is_full() const noexcept { return memory_ >= max_memory_; }
  [[nodiscard]] const KeySectionScope& scope() const noexcept { return scope_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return scope_.end_position - begin_position_; }  // of its batches
  // Ends the section. It has at least one batch.
  [[nodiscard]] Bytes encode();

 private:
  struct Block {
    Offset end = 0;
    std::uint64_t bytes = 0;
  };
  struct Postings {
    std::int64_t last = -1;  // the block noted last
    Bytes deltas;
  };

  void note_keys_of(const BatchView& batch);
  void note_key(std::string_view key);
  void send_everybody_here();
  void extend_block(Offset end, std::uint64_t bytes);
  [[nodiscard]] std::int64_t block_number() const noexcept { return static_cast<std::int64_t>(blocks_.size()); }

  const std::size_t max_memory_;
  const std::uint64_t begin_position_;
  KeySectionScope scope_;
  std::vector<Block> blocks_;  // those that are full
  Block open_;
  std::deque<std::string> keys_;  // what the map's keys are views of
  std::unordered_map<std::string_view, Postings> postings_;
  Postings everybody_;  // blocks that may hold any key
  std::size_t memory_ = 0;
};

// A section as it lies in the file.
class KeySection {
 public:
  static constexpr std::size_t head_size = 8;  // length and checksum
  // How long the section is that begins with these `head_size` bytes, the head included.
  [[nodiscard]] static std::uint64_t claimed_size(ByteView head) noexcept;
  // nullopt unless `bytes` is one whole section and its checksum holds. It views the bytes.
  [[nodiscard]] static std::optional<KeySection> check(ByteView bytes);

  [[nodiscard]] const KeySectionScope& scope() const noexcept { return scope_; }
  // Adds the ranges at or behind `from` that may hold a wanted key. false, and nothing was added: the bytes make no
  // sense for all that their checksum holds.
  [[nodiscard]] bool search(const KeyFilter& filter, Offset from, KeySearch& into) const;

 private:
  KeySection(KeySectionScope scope, ByteView body) : scope_(scope), body_(body) {}
  KeySectionScope scope_;
  ByteView body_;  // behind the scope
};

}  // namespace bitacora::storage
