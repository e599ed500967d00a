// Counts of durations in buckets whose width is 1/64 of their value or less, so a percentile is off by less than 1.6 %,
// from 1 ns to about 18 minutes, in 18 KiB, with one increment for each record.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bitacora::bench {

class Histogram {
 public:
  // Negative durations count as 0, longer ones than the range as its end (max() stays exact).
  void record(std::int64_t nanoseconds) {
    const std::uint64_t value = nanoseconds > 0 ? static_cast<std::uint64_t>(nanoseconds) : 0;
    ++counts_[std::min(bucket_of(value), counts_.size() - 1)];
    ++count_;
    max_ = std::max(max_, value);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }  // ns

  // The upper end, in ns, of the bucket below which `share` (0 .. 1) of the records lie; 0 when there is none.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    if (count_ == 0) return 0;
    const auto wanted =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.5));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted) return std::min(end_of(bucket), max_);
    }
    return max_;
  }

  void add(const Histogram& other) {
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

 private:
  static constexpr int sub_bits = 6;
  static constexpr std::size_t sub_buckets = std::size_t{1} << sub_bits;
  static constexpr int top_bit = 40;

  // Values below 64 have a bucket each; above, 64 buckets for each power of two.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < sub_buckets) return static_cast<std::size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - 1 - sub_bits;
    return (static_cast<std::size_t>(shift) << sub_bits) + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t end_of(std::size_t bucket) {
    if (bucket < 2 * sub_buckets) return bucket;
    const std::size_t shift = (bucket >> sub_bits) - 1;
    return ((std::uint64_t{bucket - (shift << sub_bits)} + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (top_bit - sub_bits + 1) << sub_bits> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bitacora::bench
