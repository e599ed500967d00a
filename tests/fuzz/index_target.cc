// Any bytes as the indexes of a sealed segment whose log is whole: every record is found all the same, by its offset,
// by its time and, as far as a checksum can tell, by its key.
//
//   1 byte   bit 0: .index is replaced; bit 1: .timeindex; bit 2: .keyindex; bit 3: its checksums are mended;
//            bit 4: four neighbouring bytes of .keyindex are changed; bit 5: it is cut off
//   2 bytes each: where it is changed or cut; sizes of .index and .timeindex. 4 bytes: the change
//   then the three files
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/endian.h"
#include "fuzz/fuzz_target.h"
#include "key_section.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::storage {
namespace {

using fuzz::must;

constexpr Offset record_count = 40;
constexpr Offset checked_count = 20;  // of the segment whose indexes are given, and some of the next
constexpr Offset key_count = 7;
constexpr Timestamp first_time = 1'700'000'000'000;
constexpr Timestamp time_step = 1000;
constexpr const char* stem = "data/x-0/00000000000000000000";
constexpr std::size_t key_head_size = 16;  // "bitacora-keys 1\n"

std::string key_of(Offset offset) { return "plant/" + std::to_string(offset % key_count); }
std::string value_of(Offset offset) { return std::to_string(offset) + std::string(150, '.'); }
Timestamp time_of(Offset offset) { return first_time + offset * time_step; }

class World {
 public:
  World(MemoryFileSystem& disk, Catalog& catalog) {
    StoreOptions options;
    options.directory = "data";
    options.preallocate_bytes = 0;
    options.index_interval_bytes = 400;
    options.topic_id_seed = 1;
    auto opened = Store::open(disk, clock_, catalog, options);
    must(opened.has_value(), "a store opens whatever its indexes are");
    store_ = std::move(*opened);
  }

  // Several sealed segments and an active one, a record in each batch.
  void fill() {
    LogSettings settings;
    settings.partitions = 1;
    settings.segment_bytes = 4096;
    must(store_->create_log("x", settings).has_value(), "the log can be made");
    Committer committer(*store_, clock_, {});
    for (Offset offset = 0; offset < record_count; ++offset) {
      const std::string key = key_of(offset);
      const std::string value = value_of(offset);
      BatchBuilder builder;
      builder.add({.timestamp = time_of(offset), .key = as_bytes(key), .value = as_bytes(value), .headers = {}});
      must(committer.submit({.partition = &partition(), .batch = builder.take(), .origin = 0, .id = 1}).has_value(),
           "an append is taken");
      committer.run_once();
    }
    must(partition().segment_count() > 2, "there are sealed segments");
    must(store_->index_keys(UINT64_MAX).has_value(), "keys are indexed");
    must(store_->close().has_value(), "the store can be closed");
  }

  [[nodiscard]] Partition& partition() const { return store_->find_log("x")->partition(0); }

 private:
  VirtualClock clock_{time_of(record_count)};
  std::unique_ptr<Store> store_;
};

// What World::fill() leaves on a disk, made once.
struct Original {
  Original() {
    const auto disk = make_memory_file_system();
    World(*disk, *catalog).fill();
    for (const char* directory : {"data", "data/x-0"}) {
      const auto entries = disk->list(directory);
      for (const DirectoryEntry& entry : *entries) {
        const std::string path = std::string(directory) + "/" + entry.name;
        if (!entry.is_directory) files.emplace(path, *read_file(*disk, path));
      }
    }
    for (const char* suffix : {".index", ".timeindex", ".keyindex"}) {
      must(!files[std::string(stem) + suffix].empty(), "the segment has its indexes");
    }
  }
  std::unique_ptr<Catalog> catalog = *Catalog::open(":memory:");
  std::map<std::string, Bytes> files;  // by path
};

Original& original() {
  static Original once;
  return once;
}

// Gives every section the checksum of what it says, so that it is looked at.
void mend_sections(std::span<std::byte> keys) {
  for (std::size_t at = key_head_size; at + KeySection::head_size <= keys.size();) {
    const std::uint64_t size = KeySection::claimed_size(keys.subspan(at));
    if (size > keys.size() - at) return;
    const auto body = keys.subspan(at + KeySection::head_size, static_cast<std::size_t>(size) - KeySection::head_size);
    store_be(keys.data() + at + 4, crc32c(body));
    at += static_cast<std::size_t>(size);
  }
}

// Whether what the key index says is still the server's own, or damage that a checksum cannot miss.
enum class Keys : std::uint8_t { honest, forged };

Keys change_files(fuzz::FuzzInput& input, std::map<std::string, Bytes>& files) {
  const std::uint8_t flags = input.byte();
  const std::size_t place = input.word();
  const std::size_t index_size = input.word();
  const std::size_t time_index_size = input.word();
  const ByteView change = input.take(4);
  const auto replace = [&](const char* suffix, ByteView bytes) {
    files[std::string(stem) + suffix].assign(bytes.begin(), bytes.end());
  };
  const ByteView index = input.take(index_size);
  const ByteView time_index = input.take(time_index_size);
  if ((flags & 1) != 0) replace(".index", index);
  if ((flags & 2) != 0) replace(".timeindex", time_index);
  Bytes& keys = files[std::string(stem) + ".keyindex"];
  if ((flags & 4) != 0) {
    replace(".keyindex", input.take_rest());
    if ((flags & 8) != 0) mend_sections(keys);
    return Keys::forged;
  }
  const std::size_t at = place % (keys.size() + 1);
  if ((flags & 16) != 0) {
    for (std::size_t i = 0; i < change.size() && at + i < keys.size(); ++i) keys[at + i] ^= change[i];
  }
  if ((flags & 32) != 0) keys.resize(at);
  return Keys::honest;
}

void check_record(const Partition& partition, Offset offset) {
  const auto read = partition.read(offset, 1);
  must(read.has_value() && read->next == offset + 1, "each record is found by its offset");
  const auto batch = BatchView::check(read->bytes);
  must(batch.has_value(), "what is read are whole batches");
  RecordReader records(*batch);
  const auto record = records.next();
  must(record && *record && (*record)->offset == offset, "it is the one that was asked for");
  must(as_text((*record)->value.value_or(ByteView())) == value_of(offset), "it is what was written");
}

void check_times(const Partition& partition) {
  for (Offset offset = 0; offset < checked_count; ++offset) {
    const auto found = partition.find_time(time_of(offset) - 1);
    must(found && *found && (*found)->offset == offset && (*found)->timestamp == time_of(offset),
         "each record is found by its time");
  }
}

// As a reader does it: from range to range, from segment to segment.
void check_key(const Partition& partition, const std::string& key, Keys keys) {
  const KeyFilter filter{.prefix = key, .matches = [&](std::string_view other) { return other == key; }};
  for (Offset from = 0; from < record_count;) {
    const auto search = partition.find_keys(from, filter);
    must(search.has_value() && search->until > from, "a search gets on");
    Offset known = from;  // nothing wanted is below it, but for what the ranges named
    for (std::size_t i = 0; i <= search->ranges.size(); ++i) {
      const bool is_last = i == search->ranges.size();
      const Offset begin = is_last ? search->until : search->ranges[i].offsets.begin;
      must(i == 0 || begin >= known || is_last, "ranges rise, apart from each other");
      for (; keys == Keys::honest && known < std::min(begin, record_count); ++known) {
        must(key_of(known) != key, "no record of a wanted key is left out");
      }
      if (!is_last) known = search->ranges[i].offsets.end;
    }
    from = search->until;
  }
}

}  // namespace

FUZZ_TARGET(index) {
  std::map<std::string, Bytes> files = original().files;
  const Keys keys = change_files(input, files);
  const auto disk = make_memory_file_system();
  must(disk->create_directories("data/x-0").has_value(), "directories can be made");
  for (const auto& [path, bytes] : files) {
    const auto file = disk->open(path, OpenMode::create);
    must(file && (*file)->write_at(0, bytes) && (*file)->sync(), "a file can be made");
  }
  const World world(*disk, *original().catalog);
  must(world.partition().offsets() == PartitionOffsets{0, record_count, record_count}, "all is there");
  for (Offset offset = 0; offset < checked_count; ++offset) check_record(world.partition(), offset);
  check_times(world.partition());
  for (Offset key = 0; key < key_count; ++key) check_key(world.partition(), key_of(key), keys);
}

}  // namespace bitacora::storage
