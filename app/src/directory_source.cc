#include <fmt/format.h>

#include "bridge/offset_service.h"
#include "log_source.h"
#include "open_directory.h"

namespace bitacora::app {
namespace {

class DirectorySource final : public LogSource {
 public:
  explicit DirectorySource(std::unique_ptr<OpenDirectory> directory) : directory_(std::move(directory)) {}

  SourceResult<std::vector<std::string>> logs() override {
    std::vector<std::string> names;
    for (const storage::Log* log : directory_->store().logs()) {
      if (!log->is_internal()) names.push_back(log->name());
    }
    return names;
  }

  SourceResult<std::vector<PartitionInfo>> partitions(const std::string& name) override {
    const storage::Log* log = directory_->store().find_log(name);
    if (log == nullptr) {
      return SourceFailure(fmt::format("there is no log \"{}\"; there are: {}", name, fmt::join(*logs(), ", ")));
    }
    std::vector<PartitionInfo> infos;
    infos.reserve(static_cast<std::size_t>(log->partition_count()));
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      infos.push_back({number, log->partition(number).offsets()});
    }
    return infos;
  }

  SourceResult<storage::Offset> resolve(const std::string& log, const PartitionInfo& info,
                                        const bridge::StartPosition& position, Timestamp now_ms) override {
    return for_a_person(bridge::resolve(position, partition(log, info.number), now_ms));
  }

  SourceResult<ReadPart> read(const std::string& log, std::int32_t number, storage::Offset from,
                              const RecordSink& sink) override {
    return part_of(from, bridge::OffsetService::read(partition(log, number), from, limits, sink));
  }

  SourceResult<ReadPart> search(const std::string& log, std::int32_t number, storage::Offset from,
                                const std::string& filter, const RecordSink& sink) override {
    return part_of(from, bridge::OffsetService::search(partition(log, number), from, filter, limits, sink));
  }

  SourceResult<std::vector<std::string>> groups() override { return for_a_person(directory_->catalog().groups()); }

  SourceResult<std::vector<GroupPartition>> group(const std::string& name) override {
    const auto offsets = directory_->catalog().group_offsets(name);
    if (!offsets) return SourceFailure(offsets.error().message);
    std::vector<GroupPartition> rows;
    rows.reserve(offsets->size());
    for (const auto& offset : *offsets) {
      rows.push_back({offset.log, offset.partition, offset.offset, lag_of(offset)});
    }
    if (rows.empty()) return SourceFailure(fmt::format("there is no group \"{}\"", name));
    return rows;
  }

 private:
  static constexpr bridge::ReadLimits limits{.max_bytes = 4 << 20};

  static SourceResult<ReadPart> part_of(storage::Offset from, const storage::Result<storage::Offset>& next) {
    if (next) return ReadPart{*next};
    const storage::Error& error = next.error();
    if (error.range && error.range->end > from) return ReadPart{error.range->end, error.message};
    return SourceFailure(error.message);
  }

  template <class T>
  static SourceResult<T> for_a_person(storage::Result<T> result) {
    if (!result) return SourceFailure(result.error().message);
    return std::move(*result);
  }

  // Both were found by partitions().
  [[nodiscard]] storage::Partition& partition(const std::string& log, std::int32_t number) const {
    return directory_->store().find_log(log)->partition(number);
  }

  [[nodiscard]] std::optional<storage::Offset> lag_of(const storage::GroupOffset& offset) const {
    const storage::Log* log = directory_->store().find_log(offset.log);
    if (log == nullptr || offset.partition >= log->partition_count()) return std::nullopt;
    const auto bounds = log->partition(offset.partition).offsets();
    return std::max<storage::Offset>(bounds.committed - std::max(offset.offset, bounds.log_start), 0);
  }

  std::unique_ptr<OpenDirectory> directory_;
};

}  // namespace

SourceResult<std::unique_ptr<LogSource>> open_directory_source(const std::string& directory) {
  auto opened = OpenDirectory::open(directory);
  if (!opened) return SourceFailure(opened.error().message);
  return std::make_unique<DirectorySource>(std::move(*opened));
}

}  // namespace bitacora::app
