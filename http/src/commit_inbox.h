// Where the committer's thread leaves what it committed, and the door's thread picks it up. Only what the door needs is
// kept: how far each partition is readable now, and the outcomes of the door's own requests. So a slow door costs a few
// words a partition, and never holds the bytes of a notice.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "storage/committer.h"

namespace bitacora::http {

class CommitInbox {
 public:
  explicit CommitInbox(std::uint32_t origin) : origin_(origin) {}

  enum class Wake : std::uint8_t { no, yes };
  // yes: the door's thread is to be told, which then calls take(). Any thread.
  [[nodiscard]] Wake put(const storage::CommitNotice& notice);
  // One notice that stands for all since the last take(); its batches have no bytes. Any thread.
  [[nodiscard]] storage::CommitNotice take();

  void open();
  void close();  // what comes from now on is dropped

 private:
  const std::uint32_t origin_;
  std::mutex mutex_;
  bool open_ = false;
  bool told_ = false;
  std::map<storage::Partition*, storage::Offset> readable_;
  std::vector<storage::AppendOutcome> outcomes_;
};

}  // namespace bitacora::http
