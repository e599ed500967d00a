// Single records by their place: retained messages, and what is sent again after a reconnect. Keeps the batch it read
// last, since the next record wanted often lies in it too.
#pragma once

#include <optional>

#include "storage/batch.h"
#include "storage/partition.h"

namespace bitacora::bridge {

class RecordFetcher {
 public:
  // nullptr if it is there no more (retention, compaction), is damaged, or could not be read. Good until the next call.
  [[nodiscard]] const storage::RecordView* fetch(const storage::Partition& partition, storage::Offset offset);
  // Whether the last fetch gave nullptr because the disk did not answer: the record is there, and may be read later.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  // Gives up the batch.
  void release();

 private:
  [[nodiscard]] bool read_batch(const storage::Partition& partition, storage::Offset offset);

  const storage::Partition* partition_ = nullptr;
  Bytes bytes_;
  storage::Offset begin_ = 0;  // of the batch in bytes_
  storage::Offset end_ = 0;
  std::optional<storage::RecordReader> reader_;
  storage::RecordView record_;  // what the reader gave last
  bool at_record_ = false;
  bool failed_ = false;
};

}  // namespace bitacora::bridge
