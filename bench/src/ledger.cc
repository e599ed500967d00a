#include "ledger.h"

#include <algorithm>

namespace bitacora::bench {
namespace {

constexpr std::uint32_t magic = 0xb17ac07a;
constexpr std::uint32_t most_publishers = 1 << 20;  // beyond these a stamp is not ours, whatever it says
constexpr std::uint64_t most_messages = std::uint64_t{1} << 33;

template <class T>
char* put(char* to, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    *to++ = static_cast<char>(value >> shift & 0xff);
  }
  return to;
}

template <class T>
T take(std::string_view& from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | static_cast<std::uint8_t>(from[i]));
  from.remove_prefix(sizeof(T));
  return value;
}

}  // namespace

void write_stamp(std::string& payload, const Stamp& stamp) {
  char* at = put(payload.data(), magic);
  at = put(at, stamp.run);
  at = put(at, stamp.publisher);
  at = put(at, stamp.sequence);
  put(at, static_cast<std::uint64_t>(stamp.due_ns));
}

std::optional<Stamp> read_stamp(std::string_view payload) {
  if (payload.size() < Stamp::size || take<std::uint32_t>(payload) != magic) return std::nullopt;
  Stamp stamp;
  stamp.run = take<std::uint32_t>(payload);
  stamp.publisher = take<std::uint32_t>(payload);
  stamp.sequence = take<std::uint64_t>(payload);
  stamp.due_ns = static_cast<std::int64_t>(take<std::uint64_t>(payload));
  if (stamp.publisher >= most_publishers || stamp.sequence >= most_messages) return std::nullopt;
  return stamp;
}

Findings& Findings::operator+=(const Findings& other) {
  received += other.received;
  duplicates += other.duplicates;
  out_of_order += other.out_of_order;
  foreign += other.foreign;
  lost += other.lost;
  return *this;
}

bool Ledger::enter(const Stamp& stamp) {
  if (!run_) run_ = stamp.run;
  if (stamp.run != *run_) {
    ++findings_.foreign;
    return false;
  }
  if (stamp.publisher >= publishers_.size()) publishers_.resize(stamp.publisher + 1);
  Publisher& publisher = publishers_[stamp.publisher];
  if (publisher.next_by_topic.empty()) publisher.next_by_topic.resize(topics_, 0);
  if (stamp.sequence >= publisher.seen.size()) publisher.seen.resize(stamp.sequence + 1, false);
  if (publisher.seen[stamp.sequence]) {
    ++findings_.duplicates;
    return true;
  }
  publisher.seen[stamp.sequence] = true;
  ++findings_.received;
  std::uint64_t& next = publisher.next_by_topic[stamp.sequence % topics_];
  if (stamp.sequence < next) ++findings_.out_of_order;
  next = std::max(next, stamp.sequence + 1);
  return true;
}

Findings Ledger::close(std::span<const std::uint64_t> sent) const {
  Findings findings = findings_;
  for (std::size_t p = 0; p < sent.size(); ++p) {
    std::uint64_t seen = 0;
    if (p < publishers_.size()) {
      const std::vector<bool>& by_sequence = publishers_[p].seen;
      const auto end =
          by_sequence.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(sent[p], by_sequence.size()));
      seen = static_cast<std::uint64_t>(std::count(by_sequence.begin(), end, true));
    }
    findings.lost += sent[p] - seen;
  }
  return findings;
}

}  // namespace bitacora::bench
