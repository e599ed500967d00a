#include "commit_inbox.h"

#include <utility>

namespace bitacora::http {

CommitInbox::Wake CommitInbox::put(const storage::CommitNotice& notice) {
  const std::lock_guard lock(mutex_);
  if (!open_) return Wake::no;
  for (const storage::CommittedBatch& batch : notice.batches) readable_[batch.partition] = batch.next_offset;
  for (const storage::AppendOutcome& outcome : notice.outcomes) {
    if (outcome.origin == origin_) outcomes_.push_back(outcome);
  }
  const bool tell = !told_ && !(readable_.empty() && outcomes_.empty());
  told_ = told_ || tell;
  return tell ? Wake::yes : Wake::no;
}

storage::CommitNotice CommitInbox::take() {
  storage::CommitNotice notice;
  const std::lock_guard lock(mutex_);
  told_ = false;
  for (const auto& [partition, next] : readable_) notice.batches.push_back({partition, next, next, {}});
  readable_.clear();
  notice.outcomes = std::exchange(outcomes_, {});
  return notice;
}

void CommitInbox::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
}

void CommitInbox::close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  readable_.clear();
  outcomes_.clear();
}

}  // namespace bitacora::http
