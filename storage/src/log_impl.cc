#include "base/assert.h"
#include "store_impl.h"

namespace bitacora::storage {

LogSettings LogImpl::settings() const {
  const std::lock_guard lock(mutex_);
  return *settings_;
}

std::int32_t LogImpl::partition_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int32_t>(partitions_.size());
}

Partition& LogImpl::partition(std::int32_t number) const {
  const std::lock_guard lock(mutex_);
  BITACORA_ASSERT(number >= 0 && static_cast<std::size_t>(number) < partitions_.size());
  return *partitions_[static_cast<std::size_t>(number)];
}

void LogImpl::add(std::unique_ptr<AppendablePartition> partition) {
  const std::lock_guard lock(mutex_);
  partitions_.push_back(std::move(partition));
}

void LogImpl::change_settings(const std::shared_ptr<const LogSettings>& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
  for (const std::unique_ptr<AppendablePartition>& partition : partitions_) partition->change_settings(settings);
}

}  // namespace bitacora::storage
