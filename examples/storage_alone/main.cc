// The log library by itself: no server, no MQTT. Creates a log, appends, waits until the disk has it, reads it back,
// closes and opens again. Run it twice on one directory, and the second run finds the first one's records.
//
//   storage_alone [directory]
#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include "storage/batch.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/posix_file_system.h"
#include "storage/store.h"

namespace {

using namespace bitacora::storage;
using bitacora::as_bytes;
using bitacora::as_text;
using bitacora::ByteView;
using bitacora::Clock;
using bitacora::SystemClock;

// Ends the program with the error's own words. A real program would decide here; an example may give up.
template <class T>
T or_die(Result<T>&& result) {
  if (!result) {
    std::fprintf(stderr, "%s: %s\n", name_of(result.error().code), result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Appends one batch of three records and returns the offset of the first, once it is as durable as the log promises.
Offset append_three(Store& store, const Clock& clock, Partition& partition) {
  Committer committer(store, clock, {});
  std::promise<Offset> appended;
  committer.add_listener([&](const std::shared_ptr<const CommitNotice>& notice) {
    for (const AppendOutcome& outcome : notice->outcomes) appended.set_value(outcome.error ? -1 : outcome.base_offset);
  });
  committer.start();

  BatchBuilder batch;
  for (const char* const value : {"20.5", "20.7", "20.6"}) {
    batch.add(
        {.timestamp = clock.now().wall_ms, .key = as_bytes("plant/1/temp"), .value = as_bytes(value), .headers = {}});
  }
  or_die(committer.submit({.partition = &partition, .batch = batch.take()}));
  const Offset first = appended.get_future().get();
  committer.stop();
  return first;
}

// Prints every record and returns how many there are.
int read_all(const Partition& partition) {
  int count = 0;
  ReadHint hint;
  Offset offset = partition.offsets().log_start;
  while (offset < partition.offsets().committed) {
    const ReadResult read = or_die(partition.read(offset, 1 << 20, hint));
    for (ByteView rest = read.bytes; !rest.empty();) {  // whole batches, one behind the other
      const BatchView batch = BatchView::trusted(rest.first(*BatchView::claimed_size(rest)));
      rest = rest.subspan(batch.size());
      RecordReader records(batch);
      while (const auto record = or_die(records.next())) {
        std::printf("  offset %lld  %s = %s\n", static_cast<long long>(record->offset),
                    std::string(as_text(*record->key)).c_str(), std::string(as_text(*record->value)).c_str());
        ++count;
      }
    }
    offset = read.next;
    hint = read.hint;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "storage-alone-data";
  const SystemClock clock;
  const auto files = make_posix_file_system();
  or_die(files->create_directories(directory));
  const auto catalog = or_die(Catalog::open(directory + "/catalog.db"));

  {
    const auto store = or_die(Store::open(*files, clock, *catalog, {.directory = directory}));
    Log* log = store->find_log("readings");
    if (log == nullptr) {
      LogSettings settings;  // durability sync: an append has an outcome when the disk has it
      settings.partitions = 1;
      log = or_die(store->create_log("readings", settings));
    }
    const Offset first = append_three(*store, clock, log->partition(0));
    std::printf("appended three records from offset %lld on\n", static_cast<long long>(first));
    or_die(store->close());
  }

  const auto store = or_die(Store::open(*files, clock, *catalog, {.directory = directory}));
  const int count = read_all(store->find_log("readings")->partition(0));
  std::printf("after reopening: %d records\n", count);
  or_die(store->close());
}
