// Where `replay`, `logs` and `groups` read from: a data directory on this machine, or a running server over HTTP. Both
// look the same from here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bridge/start_position.h"
#include "storage/batch.h"
#include "storage/offset.h"

namespace bitacora::app {

template <class T = void>
using SourceResult = bitacora::Result<T, std::string>;  // the error is for a person
using SourceFailure = Failure<std::string>;

struct PartitionInfo {
  std::int32_t number = 0;
  storage::PartitionOffsets offsets;
};

struct GroupPartition {
  std::string log;
  std::int32_t partition = 0;
  storage::Offset committed = -1;
  std::optional<storage::Offset> lag;  // records that the group has not had yet; nullopt if the partition is gone
};

// What one read came to: where to go on, and what had to be passed over to get there.
struct ReadPart {
  storage::Offset next = 0;
  std::string damage{};  // for a person; empty if there was none
};

// The view is good during the call.
using RecordSink = std::function<void(const storage::RecordView&)>;

class LogSource {
 public:
  virtual ~LogSource() = default;

  // Without the server's own, by name.
  [[nodiscard]] virtual SourceResult<std::vector<std::string>> logs() = 0;
  // By number. An error that names what there is if there is no such log.
  [[nodiscard]] virtual SourceResult<std::vector<PartitionInfo>> partitions(const std::string& log) = 0;
  // The offset that a position on the command line means; `now_ms` is what times ago are counted from.
  [[nodiscard]] virtual SourceResult<storage::Offset> resolve(const std::string& log, const PartitionInfo& partition,
                                                              const bridge::StartPosition& position,
                                                              Timestamp now_ms) = 0;
  // Gives `sink` some records from `from` on, in order. At the committed offset: none, and `next` is `from`. Records
  // that cannot be read are passed over and told of.
  [[nodiscard]] virtual SourceResult<ReadPart> read(const std::string& log, std::int32_t partition,
                                                    storage::Offset from, const RecordSink& sink) = 0;
  // The same of records whose MQTT topic `filter` matches. May give none although there are some further on: `next` is
  // past `from` then.
  [[nodiscard]] virtual SourceResult<ReadPart> search(const std::string& log, std::int32_t partition,
                                                      storage::Offset from, const std::string& filter,
                                                      const RecordSink& sink) = 0;

  [[nodiscard]] virtual SourceResult<std::vector<std::string>> groups() = 0;
  [[nodiscard]] virtual SourceResult<std::vector<GroupPartition>> group(const std::string& name) = 0;
};

[[nodiscard]] SourceResult<std::unique_ptr<LogSource>> open_directory_source(const std::string& directory);
// "http://127.0.0.1:8080". Connects on the first question.
[[nodiscard]] SourceResult<std::unique_ptr<LogSource>> open_http_source(const std::string& url,
                                                                        std::string authorization);

}  // namespace bitacora::app
