#include "key_section.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "base/varint.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t scope_size = 36;
constexpr std::size_t key_cost = 160;  // of a distinct key beside its bytes: map node, string, postings
constexpr std::uint64_t merge_gap = 4 * key_block_bytes;  // reading on costs less than another read

void add_posting(Bytes& deltas, std::int64_t& last, std::int64_t block) {
  if (last == block) return;
  append_varint(deltas, block - last);
  last = block;
}

// Marks the blocks of one posting list. false: it is none.
bool mark(ByteView deltas, std::vector<bool>& blocks) {
  std::int64_t block = -1;
  while (!deltas.empty()) {
    const auto delta = take_varint(deltas);
    if (!delta || *delta < 1 || *delta > static_cast<std::int64_t>(blocks.size())) return false;
    block += *delta;
    if (block >= static_cast<std::int64_t>(blocks.size())) return false;
    blocks[static_cast<std::size_t>(block)] = true;
  }
  return true;
}

std::optional<ByteView> take_bytes(ByteView& from) {
  const auto size = take_varint(from);
  if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > from.size()) return std::nullopt;
  const ByteView taken = from.first(static_cast<std::size_t>(*size));
  from = from.subspan(taken.size());
  return taken;
}

// Walks the keys in their order; each is written as what it does not share with the one before.
class KeyWalk {
 public:
  explicit KeyWalk(ByteView keys) : rest_(keys) {}
  enum class Step : std::uint8_t { key, end, broken };
  [[nodiscard]] Step next() {
    if (rest_.empty()) return Step::end;
    const auto shared = take_varint(rest_);
    if (!shared || *shared < 0 || static_cast<std::uint64_t>(*shared) > key_.size()) return Step::broken;
    const auto tail = take_bytes(rest_);
    if (!tail) return Step::broken;
    const auto postings = take_bytes(rest_);
    if (!postings) return Step::broken;
    key_.resize(static_cast<std::size_t>(*shared));
    key_ += as_text(*tail);
    postings_ = *postings;
    return Step::key;
  }
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] ByteView postings() const noexcept { return postings_; }

 private:
  ByteView rest_;
  std::string key_;
  ByteView postings_;
};

bool mark_wanted(ByteView keys, const KeyFilter& filter, std::vector<bool>& blocks) {
  KeyWalk walk(keys);
  while (true) {
    const KeyWalk::Step step = walk.next();
    if (step == KeyWalk::Step::broken) return false;
    if (step == KeyWalk::Step::end) return true;
    const int order = walk.key().substr(0, filter.prefix.size()).compare(filter.prefix);
    if (order > 0) return true;  // and so is all that follows
    if (order == 0 && filter.matches(walk.key()) && !mark(walk.postings(), blocks)) return false;
  }
}

void add_range(KeySearch& to, OffsetRange offsets, std::uint64_t bytes, std::uint64_t gap) {
  if (!to.ranges.empty() && gap <= merge_gap) {
    KeySearch::Range& last = to.ranges.back();
    last.offsets.end = offsets.end;
    last.bytes += gap + bytes;
    return;
  }
  to.ranges.push_back({offsets, bytes});
}

}  // namespace

KeySectionBuilder::KeySectionBuilder(Offset base, std::uint64_t position, std::size_t max_memory)
    : max_memory_(max_memory), begin_position_(position) {
  scope_.offsets = {base, base};
  scope_.end_position = position;
}

void KeySectionBuilder::add(const BatchView& batch) {
  if (!batch.is_control()) note_keys_of(batch);
  scope_.last_position = scope_.end_position;
  scope_.last_crc = batch.crc();
  scope_.offsets.end = batch.next_offset();
  scope_.end_position += batch.size();
  extend_block(batch.next_offset(), batch.size());
}

void KeySectionBuilder::note_keys_of(const BatchView& batch) {
  RecordReader reader(batch);
  while (true) {
    const auto record = reader.next();
    // Compressed, or a single batch of very many keys.
    if (!record || memory_ >= 2 * max_memory_) return send_everybody_here();
    if (!*record) return;
    if ((*record)->key) note_key(as_text(*(*record)->key));
  }
}

void KeySectionBuilder::add_unreadable(Offset end, std::uint64_t end_position) {
  send_everybody_here();
  const std::uint64_t bytes = end_position - scope_.end_position;
  scope_.offsets.end = end;
  scope_.end_position = end_position;
  extend_block(end, bytes);
}

void KeySectionBuilder::note_key(std::string_view key) {
  auto found = postings_.find(key);
  if (found == postings_.end()) {
    keys_.emplace_back(key);
    found = postings_.try_emplace(keys_.back()).first;
    memory_ += key.size() + key_cost;
  }
  Postings& postings = found->second;
  const std::size_t before = postings.deltas.size();
  add_posting(postings.deltas, postings.last, block_number());
  memory_ += 2 * (postings.deltas.size() - before);  // a vector may have as much again in reserve
}

void KeySectionBuilder::send_everybody_here() { add_posting(everybody_.deltas, everybody_.last, block_number()); }

void KeySectionBuilder::extend_block(Offset end, std::uint64_t bytes) {
  open_.end = end;
  open_.bytes += bytes;
  if (open_.bytes < key_block_bytes) return;
  blocks_.push_back(open_);
  open_.bytes = 0;
}

Bytes KeySectionBuilder::encode() {
  const Offset in_blocks = blocks_.empty() ? scope_.offsets.begin : blocks_.back().end;
  if (scope_.offsets.end > in_blocks) blocks_.push_back(std::exchange(open_, {}));
  BITACORA_ASSERT(!blocks_.empty());
  Bytes bytes(KeySection::head_size);
  append_be(bytes, scope_.offsets.begin);
  append_be(bytes, scope_.offsets.end);
  append_be(bytes, scope_.end_position);
  append_be(bytes, scope_.last_position);
  append_be(bytes, scope_.last_crc);

  append_varint(bytes, static_cast<std::int64_t>(blocks_.size()));
  Offset begin = scope_.offsets.begin;
  for (const Block& block : blocks_) {
    append_varint(bytes, block.end - begin);
    append_varint(bytes, static_cast<std::int64_t>(block.bytes));
    begin = block.end;
  }
  append_varint(bytes, static_cast<std::int64_t>(everybody_.deltas.size()));
  append(bytes, everybody_.deltas);

  std::vector<std::pair<std::string_view, const Postings*>> sorted;
  sorted.reserve(postings_.size());
  for (const auto& [key, postings] : postings_) sorted.emplace_back(key, &postings);
  std::sort(sorted.begin(), sorted.end());
  std::string_view before;
  for (const auto& [key, postings] : sorted) {
    const auto shared = std::mismatch(before.begin(), before.end(), key.begin(), key.end()).first - before.begin();
    const std::string_view tail = key.substr(static_cast<std::size_t>(shared));
    append_varint(bytes, shared);
    append_varint(bytes, static_cast<std::int64_t>(tail.size()));
    append(bytes, as_bytes(tail));
    append_varint(bytes, static_cast<std::int64_t>(postings->deltas.size()));
    append(bytes, postings->deltas);
    before = key;
  }
  const ByteView body = ByteView(bytes).subspan(KeySection::head_size);
  const std::uint32_t crc = crc32c(body);
  store_be(bytes.data(), static_cast<std::uint32_t>(body.size()));
  store_be(bytes.data() + 4, crc);
  return bytes;
}

std::uint64_t KeySection::claimed_size(ByteView head) noexcept {
  return head_size + std::uint64_t{load_be<std::uint32_t>(head.data())};
}

std::optional<KeySection> KeySection::check(ByteView bytes) {
  if (bytes.size() < head_size + scope_size || claimed_size(bytes) != bytes.size()) return std::nullopt;
  const ByteView body = bytes.subspan(head_size);
  if (crc32c(body) != load_be<std::uint32_t>(bytes.data() + 4)) return std::nullopt;
  KeySectionScope scope;
  scope.offsets = {load_be<std::int64_t>(&body[0]), load_be<std::int64_t>(&body[8])};
  scope.end_position = load_be<std::uint64_t>(&body[16]);
  scope.last_position = load_be<std::uint64_t>(&body[24]);
  scope.last_crc = load_be<std::uint32_t>(&body[32]);
  if (scope.offsets.begin >= scope.offsets.end) return std::nullopt;
  return KeySection(scope, body.subspan(scope_size));
}

bool KeySection::search(const KeyFilter& filter, Offset from, KeySearch& into) const {
  ByteView rest = body_;
  const auto count = take_varint(rest);
  if (!count || *count < 1 || static_cast<std::uint64_t>(*count) > rest.size()) return false;
  struct Block {
    OffsetRange offsets;
    std::uint64_t bytes = 0;
  };
  std::vector<Block> blocks(static_cast<std::size_t>(*count));
  Offset begin = scope_.offsets.begin;
  for (Block& block : blocks) {
    const auto records = take_varint(rest);
    const auto bytes = take_varint(rest);
    if (!records || !bytes || *records < 0 || *bytes < 0 || *records > scope_.offsets.end - begin) return false;
    block = {{begin, begin + *records}, static_cast<std::uint64_t>(*bytes)};
    begin = block.offsets.end;
  }
  if (begin != scope_.offsets.end) return false;
  std::vector<bool> wanted(blocks.size());
  const auto everybody = take_bytes(rest);
  if (!everybody || !mark(*everybody, wanted) || !mark_wanted(rest, filter, wanted)) return false;

  std::uint64_t gap = into.ranges.empty() || into.ranges.back().offsets.end != scope_.offsets.begin ? merge_gap + 1 : 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    if (!wanted[i] || block.offsets.end <= from) {
      gap += block.bytes;
      continue;
    }
    add_range(into, block.offsets, block.bytes, gap);
    gap = 0;
  }
  return true;
}

}  // namespace bitacora::storage
