// What a torture run reads back after each start of the server, through its doors: every partition over HTTP, some by
// replay over MQTT, the retained messages, the group's position.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log_source.h"
#include "torture_publisher.h"
#include "torture_server.h"

namespace bitacora::app::torture {

// Records that are there twice: QoS 1 messages whose acknowledgement a kill swallowed.
struct Duplicates {
  std::uint64_t found = 0;
  std::uint64_t marked = 0;  // with `mqtt.dup`
};

class Readings {
 public:
  explicit Readings(Tell tell) : tell_(std::move(tell)) {}

  // Every partition of every known log that there is, record by record. Gives what is there twice.
  [[nodiscard]] Result<Duplicates, std::string> read_logs(LogSource& source);
  // The position of the fleet's group, if it has one by now.
  void read_group(LogSource& source);
  // The replayable logs by `$log/...`, and the retained messages. The error is a server that did not deliver.
  [[nodiscard]] Status read_over_mqtt(LogSource& source, std::uint16_t port,
                                      const std::vector<std::string>& retained_topics);

 private:
  [[nodiscard]] SourceResult<Duplicates> read_partition(LogSource& source, const std::string& log,
                                                        std::int32_t partition);

  Tell tell_;
  std::uint32_t next_reading_ = 0;
};

}  // namespace bitacora::app::torture
