#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/endian.h"
#include "proof/ledger.h"
#include "rig.h"
#include "torture_fleet.h"

namespace bitacora::rigs {
namespace {

constexpr std::size_t sector_size = 512;
constexpr std::string_view mark_magic = "bitacora-mark-0\n";

// A sector past the page cache: it is in the device's log as soon as write() returns.
class MarkWriter {
 public:
  MarkWriter(const std::string& device, std::uint64_t offset) : offset_(static_cast<off_t>(offset)) {
    if (device.empty()) return;
    descriptor_ = ::open(device.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    BITACORA_ASSERT(descriptor_ >= 0);
    sector_ = static_cast<std::byte*>(std::aligned_alloc(4096, 4096));
    std::memset(sector_, 0, 4096);
    std::memcpy(sector_, mark_magic.data(), mark_magic.size());
  }
  MarkWriter(const MarkWriter&) = delete;
  MarkWriter& operator=(const MarkWriter&) = delete;
  ~MarkWriter() {
    std::free(sector_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write(std::uint64_t facts) {
    if (descriptor_ < 0) return;
    store_be(sector_ + mark_magic.size(), facts);
    BITACORA_ASSERT(::pwrite(descriptor_, sector_, sector_size, offset_) == static_cast<ssize_t>(sector_size));
  }

 private:
  int descriptor_ = -1;
  off_t offset_;
  std::byte* sector_ = nullptr;
};

}  // namespace

int load(const LoadTerms& terms) {
  using Clock = std::chrono::steady_clock;
  auto ledger = proof::LedgerWriter::open(terms.ledger);
  if (!ledger) {
    fmt::print(stderr, "bitacora-rig: {}\n", ledger.error());
    return 1;
  }
  MarkWriter marks(terms.device, terms.mark_offset);
  std::uint64_t facts = 0;
  using app::torture::Cast;
  const Cast cast = terms.failing_disk ? Cast::publishers_on_failing_disk : Cast::synced_publishers;
  app::torture::Fleet fleet(cast, [&](const proof::Fact& fact) {
    ledger->append(fact);
    ++facts;
  });
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(terms.seconds));
  std::uint64_t marked = 0;
  while (Clock::now() < end) {
    if (!fleet.connect(terms.port)) break;
    fleet.turn(10);
    if (fleet.acknowledged() != marked) {
      marks.write(facts);
      marked = fleet.acknowledged();
    }
    for (const std::string& complaint : fleet.complaints()) {
      fmt::print(stderr, "bitacora-rig: {}\n", complaint);
      return 1;
    }
  }
  fmt::print("{}\n", fleet.acknowledged());
  return 0;
}

}  // namespace bitacora::rigs
