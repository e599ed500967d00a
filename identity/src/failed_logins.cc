#include "identity/failed_logins.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::identity {
namespace {

constexpr int groups_of_address = 8;  // of IPv6, 16 bits each
constexpr int groups_of_network = 4;

// No user's key is an address's.
std::string key_of_user(std::string_view user) { return "user " + std::string(user); }

int count_groups(std::string_view text) {
  return text.empty() ? 0 : static_cast<int>(std::ranges::count(text, ':')) + 1;
}

// The first groups of an IPv6 address, with those that "::" stands for.
std::string network_of_ipv6(std::string_view address) {
  const std::size_t gap = address.find("::");
  const std::string_view front = address.substr(0, gap);
  const std::string_view back = gap == std::string_view::npos ? std::string_view() : address.substr(gap + 2);
  std::string all(front);
  for (int left = groups_of_address - count_groups(front) - count_groups(back); left > 0; --left) {
    all += all.empty() ? "0" : ":0";
  }
  if (!back.empty()) all.append(":").append(back);
  std::size_t end = 0;
  for (int group = 0; group < groups_of_network && end != std::string::npos; ++group) {
    end = all.find(':', end == 0 ? 0 : end + 1);
  }
  return "net " + all.substr(0, end);
}

}  // namespace

std::string network_of(std::string_view peer) {
  if (!peer.starts_with('[')) return std::string(peer.starts_with("unix:") ? peer : peer.substr(0, peer.rfind(':')));
  const std::string_view address = peer.substr(1, peer.find(']') - 1);
  if (address.find('.') != std::string_view::npos) return std::string(address);  // an IPv4 address, mapped
  return network_of_ipv6(address);
}

bool FailedLogins::may_try(std::string_view peer, std::string_view user) const {
  const Failures* of_address = find(network_of(peer));
  if (of_address == nullptr) return true;  // an owner is not kept out by others who guess at its name
  if (of_address->held >= terms_.max_held) return false;
  const Failures* of_user = user.empty() ? nullptr : find(key_of_user(user));
  return of_user == nullptr || of_user->held < terms_.max_held;
}

std::chrono::milliseconds FailedLogins::on_failure(std::string_view peer, std::string_view user, MonotonicTime now) {
  forget_old(now);
  std::chrono::milliseconds delay = count(network_of(peer), now);
  if (!user.empty()) delay = std::max(delay, count(key_of_user(user), now));
  return delay;
}

void FailedLogins::on_answered(std::string_view peer, std::string_view user) {
  answered(network_of(peer));
  if (!user.empty()) answered(key_of_user(user));
}

const FailedLogins::Failures* FailedLogins::find(const std::string& of) const {
  const auto found = failures_.find(of);
  return found == failures_.end() ? nullptr : &*found->second;
}

std::chrono::milliseconds FailedLogins::count(const std::string& of, MonotonicTime now) {
  const auto found = failures_.find(of);
  if (found == failures_.end()) {
    newest_.push_front({of, 0, 0, now});
    failures_.emplace(newest_.front().of, newest_.begin());
  } else {
    newest_.splice(newest_.begin(), newest_, found->second);
  }
  Failures& failures = newest_.front();
  if (now - failures.last >= terms_.memory) failures.count = 0;
  failures.last = now;
  ++failures.held;
  ++failures.count;
  if (failures.count <= terms_.free) return std::chrono::milliseconds(0);
  std::chrono::milliseconds delay = terms_.first_delay;
  for (std::uint32_t i = terms_.free + 1; i < failures.count && delay < terms_.longest_delay; ++i) delay *= 2;
  return std::min(delay, terms_.longest_delay);
}

void FailedLogins::answered(const std::string& of) {
  const auto found = failures_.find(of);
  if (found == failures_.end()) return;
  BITACORA_ASSERT(found->second->held > 0);
  --found->second->held;
}

// The oldest stand at the back. What is held back is not forgotten: its number is bounded by its owner's queue.
void FailedLogins::forget_old(MonotonicTime now) {
  while (!newest_.empty()) {
    const Failures& oldest = newest_.back();
    const bool is_old = now - oldest.last >= terms_.memory || failures_.size() >= terms_.max_known;
    if (!is_old || oldest.held > 0) return;
    failures_.erase(oldest.of);
    newest_.pop_back();
  }
}

}  // namespace bitacora::identity
