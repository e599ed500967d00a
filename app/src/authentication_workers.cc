#include "authentication_workers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/bytes.h"

namespace bitacora::app {

using identity::Verdict;

AuthenticationWorkers::AuthenticationWorkers(const Clock& clock, bridge::BrokerMetrics& metrics, std::string secret,
                                             const Options& options)
    : clock_(clock),
      metrics_(metrics),
      secret_(std::move(secret)),
      max_waiting_(options.max_waiting),
      failed_(options.failed) {
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this, i] {
      ::pthread_setname_np(::pthread_self(), ("passwords-" + std::to_string(i)).c_str());
      work();
    });
  }
}

AuthenticationWorkers::~AuthenticationWorkers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakes_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void AuthenticationWorkers::set_judge(std::shared_ptr<const CredentialJudge> judge) {
  const std::lock_guard lock(mutex_);
  judge_ = std::move(judge);
  remembered_.clear();
}

// Lengths in front: no two pairs of name and password have one mark.
std::string AuthenticationWorkers::mark_of(const identity::Credentials& credentials) const {
  const std::string text =
      std::to_string(credentials.user_name.size()) + ':' + credentials.user_name + credentials.password;
  std::string mark(32, '\0');
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(mark.data()),
       nullptr);
  return mark;
}

void AuthenticationWorkers::authenticate(identity::Credentials credentials, Done done) {
  const std::string mark = mark_of(credentials);
  std::optional<Verdict> known;
  {
    const std::lock_guard lock(mutex_);
    const bool disproved = !credentials.disproved.empty();
    if (!disproved) known = recall(mark, clock_.now());
    if (!known && questions_.size() >= max_waiting_) known = Verdict{Verdict::Answer::busy, {}, {}};
    if (!known && !disproved && !failed_.may_try(credentials.peer, credentials.user_name)) {
      metrics_.reached(bridge::Limit::failed_logins);
      known = Verdict{Verdict::Answer::busy, {}, {}};
    }
    if (!known) questions_.push_back({std::move(credentials), std::move(done)});
  }
  if (known) return done(std::move(*known));
  wakes_.notify_one();
}

void AuthenticationWorkers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wait(lock);
    if (stopping_) return;
    give_late_answers(lock);
    if (questions_.empty()) continue;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    if (!question.credentials.disproved.empty()) {
      Verdict verdict{Verdict::Answer::refused, {}, question.credentials.disproved};
      refuse(lock, std::move(question), std::move(verdict));
      continue;
    }
    const auto judge = judge_;
    lock.unlock();
    Verdict verdict = judge->judge(question.credentials, clock_.now().wall_ms);
    const std::string mark = mark_of(question.credentials);
    lock.lock();
    if (verdict.answer == Verdict::Answer::refused) {
      refuse(lock, std::move(question), std::move(verdict));
      continue;
    }
    if (judge == judge_) remember(mark, verdict, clock_.now());
    lock.unlock();
    question.done(std::move(verdict));
    lock.lock();
  }
}

void AuthenticationWorkers::wait(std::unique_lock<std::mutex>& lock) {
  while (!stopping_ && questions_.empty()) {
    if (late_.empty()) {
      wakes_.wait(lock);
      continue;
    }
    const auto left = late_.begin()->first - clock_.now().monotonic;
    if (left.count() <= 0) return;
    wakes_.wait_for(lock, left);
  }
}

void AuthenticationWorkers::refuse(std::unique_lock<std::mutex>& lock, Question question, Verdict verdict) {
  const MonotonicTime now = clock_.now().monotonic;
  const auto delay = failed_.on_failure(question.credentials.peer, question.credentials.user_name, now);
  if (delay.count() > 0) metrics_.logins_delayed.add();
  if (late_.size() >= max_waiting_) {  // whoever waited longest waits no more: nobody else is kept out for it
    auto first = late_.extract(late_.begin());
    first.key() = now;
    late_.insert(std::move(first));
  }
  late_.emplace(now + delay, LateAnswer{std::move(question), std::move(verdict)});
  wakes_.notify_one();  // whoever waits now may have to wake earlier than it thinks
  give_late_answers(lock);
}

void AuthenticationWorkers::give_late_answers(std::unique_lock<std::mutex>& lock) {
  while (!late_.empty() && late_.begin()->first <= clock_.now().monotonic) {
    const LateAnswer late = std::move(late_.begin()->second);
    late_.erase(late_.begin());
    failed_.on_answered(late.question.credentials.peer, late.question.credentials.user_name);
    lock.unlock();
    late.question.done(late.verdict);
    lock.lock();
  }
}

std::optional<Verdict> AuthenticationWorkers::recall(const std::string& mark, Now now) {
  const auto found = remembered_.find(mark);
  if (found == remembered_.end()) return std::nullopt;
  if (found->second.until > now.monotonic) return found->second.verdict;
  remembered_.erase(found);
  return std::nullopt;
}

// Tokens are cheap to check and have an end of their own.
void AuthenticationWorkers::remember(const std::string& mark, const Verdict& verdict, Now now) {
  const bool worth_it =
      verdict.answer == Verdict::Answer::accepted && verdict.principal.source == identity::Principal::Source::password;
  if (!worth_it) return;
  if (remembered_.size() >= max_remembered) remembered_.clear();
  remembered_[mark] = {verdict, now.monotonic + remembered};
}

}  // namespace bitacora::app
