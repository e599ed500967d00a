// Whatever lies in a partition's directory, the server starts, and what it then gives out stays as it is: through a
// further append, and through further starts.
//
//   1 byte   bit 0: the CRCs of all batches are mended; bit 1: two segments; bit 2: there is a clean-shutdown mark
//   2 bytes  base offset of the second segment
//   2 bytes each: sizes of the first .log, .index, .timeindex and of leader-epoch-checkpoint; the rest is the last .log
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/batch_bytes.h"
#include "fuzz/fuzz_target.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::storage {
namespace {

using fuzz::must;

constexpr const char* partition_directory = "data/x-0";

Catalog& shared_catalog() {  // of the log's name and settings alone
  static const std::unique_ptr<Catalog> catalog = *Catalog::open(":memory:");
  return *catalog;
}

struct ReadableRecord {
  Offset offset;
  std::string value;
  friend bool operator==(const ReadableRecord&, const ReadableRecord&) = default;
};

class FuzzedStore {
 public:
  explicit FuzzedStore(MemoryFileSystem& disk) : disk_(disk) {}

  void open() {
    StoreOptions options;
    options.directory = "data";
    options.preallocate_bytes = 4096;
    auto store = Store::open(disk_, clock_, shared_catalog(), options);
    must(store.has_value(), "a store opens whatever lies in it");
    store_ = std::move(*store);
    if (store_->find_log("x") == nullptr) {
      LogSettings settings;
      settings.partitions = 1;
      must(store_->create_log("x", settings).has_value(), "the log can be made");
    }
  }
  void kill() {
    store_.reset();
    disk_.kill();
  }
  void close() {
    must(store_->close().has_value(), "the store can be closed");
    store_.reset();
  }

  // All records, with damage stepped over.
  std::vector<ReadableRecord> records() {
    std::vector<ReadableRecord> records;
    const PartitionOffsets bounds = partition().offsets();
    must(bounds.log_start <= bounds.committed, "the log does not end before it starts");
    for (Offset offset = bounds.log_start; offset < bounds.committed;) {
      const auto read = partition().read(offset, 4096);
      if (!read) {
        must(read.error().code == Errc::corrupt && read.error().range.has_value(), "only damage keeps from reading");
        must(read.error().range->end > offset, "damage can be stepped over");
        offset = read.error().range->end;
        continue;
      }
      if (read->bytes.empty()) break;  // compaction may have left nothing up to the end
      must(read->next > offset, "a read gets on");
      add_records(read->bytes, offset, records);
      offset = read->next;
    }
    return records;
  }

  Offset append(std::string_view value) {
    Committer committer(*store_, clock_, {});
    AppendOutcome outcome;
    committer.add_listener([&](const auto& notice) { outcome = notice->outcomes.back(); });
    BatchBuilder builder;
    builder.add({.timestamp = clock_.now().wall_ms, .key = as_bytes("k"), .value = as_bytes(value), .headers = {}});
    must(committer.submit({.partition = &partition(), .batch = builder.take(), .origin = 0, .id = 1}).has_value(),
         "an append is taken");
    must(committer.run_once() == 1, "it is done");
    must(!outcome.error, "it succeeds");
    return outcome.base_offset;
  }

 private:
  static void add_records(ByteView bytes, Offset from, std::vector<ReadableRecord>& records) {
    while (!bytes.empty()) {
      const auto batch = BatchView::check(bytes);
      must(batch.has_value(), "what is read are whole batches");
      RecordReader reader(*batch);
      for (;;) {
        const auto record = reader.next();
        if (!record || !*record) break;  // records that are none inside a batch with a right CRC: the writer's own
        if ((*record)->offset < from) continue;
        records.push_back({(*record)->offset, std::string(as_text((*record)->value.value_or(ByteView())))});
      }
      bytes = bytes.subspan(batch->size());
    }
  }
  [[nodiscard]] Partition& partition() const { return store_->find_log("x")->partition(0); }

  MemoryFileSystem& disk_;
  VirtualClock clock_{};
  std::unique_ptr<Store> store_;
};

void put_file(MemoryFileSystem& disk, const std::string& path, ByteView bytes) {
  const auto file = disk.open(path, OpenMode::create);
  must(file && (*file)->write_at(0, bytes) && (*file)->sync(), "a file can be made");
}

struct Segment {
  Offset base;
  Bytes log;
};

void put_files(MemoryFileSystem& disk, fuzz::FuzzInput& input) {
  const std::uint8_t flags = input.byte();
  const Offset second_base = input.word();
  const std::size_t sizes[] = {input.word(), input.word(), input.word(), input.word()};
  std::vector<Bytes> pieces;
  for (const std::size_t size : sizes) {
    const ByteView piece = input.take(size);
    pieces.emplace_back(piece.begin(), piece.end());
  }
  const ByteView rest = input.take_rest();
  std::vector<Segment> segments;
  if ((flags & 2) != 0) segments.push_back({0, pieces[0]});
  segments.push_back({segments.empty() ? 0 : second_base, Bytes(rest.begin(), rest.end())});

  must(disk.create_directories(partition_directory).has_value(), "directories can be made");
  put_file(disk, "data/format-version", as_bytes("bitacora 1\n"));
  for (Segment& segment : segments) {
    if ((flags & 1) != 0) fuzz::mend_batches(segment.log);
    put_file(disk, fmt::format("{}/{:020}.log", partition_directory, segment.base), segment.log);
  }
  const auto put_if_any = [&](const std::string& name, const Bytes& bytes) {
    if (!bytes.empty()) put_file(disk, fmt::format("{}/{}", partition_directory, name), bytes);
  };
  put_if_any(fmt::format("{:020}.index", 0), pieces[1]);
  put_if_any(fmt::format("{:020}.timeindex", 0), pieces[2]);
  put_if_any("leader-epoch-checkpoint", pieces[3]);
  if ((flags & 4) != 0) put_file(disk, "data/clean-shutdown", pieces[3]);
}

}  // namespace

FUZZ_TARGET(recovery) {
  const auto disk = make_memory_file_system();
  put_files(*disk, input);
  FuzzedStore store(*disk);
  store.open();
  std::vector<ReadableRecord> known = store.records();
  const Offset appended = store.append("one more");
  must(known.empty() || known.back().offset < appended, "no offset is given twice");
  known.push_back({appended, "one more"});
  must(store.records() == known, "an append changes nothing before it");
  store.kill();
  store.open();
  must(store.records() == known, "a start after a kill changes nothing");
  store.close();
  store.open();
  must(store.records() == known, "a start after a stop changes nothing");
}

}  // namespace bitacora::storage
