#include "authentication_workers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/bytes.h"

namespace bitacora::app {

using identity::Verdict;

AuthenticationWorkers::AuthenticationWorkers(const Clock& clock, std::string secret, const Options& options)
    : clock_(clock), secret_(std::move(secret)), max_waiting_(options.max_waiting) {
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
    known = recall(mark, clock_.now());
    if (!known && questions_.size() >= max_waiting_) known = Verdict{Verdict::Answer::busy, {}, {}};
    if (!known) questions_.push_back({std::move(credentials), std::move(done)});
  }
  if (known) return done(std::move(*known));
  wakes_.notify_one();
}

void AuthenticationWorkers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wakes_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    const Question question = std::move(questions_.front());
    questions_.pop_front();
    const auto judge = judge_;
    lock.unlock();
    Verdict verdict = judge->judge(question.credentials, clock_.now().wall_ms);
    const std::string mark = mark_of(question.credentials);
    lock.lock();
    if (judge == judge_) remember(mark, verdict, clock_.now());
    lock.unlock();
    question.done(std::move(verdict));
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
