// The threads that hash passwords and check tokens, so that no event loop does. Their queue has an end: past it the
// answer is `busy`. A password that was right is right for a minute more without hashing it again, so that an HTTP
// client that sends it with every request costs it once. One that was wrong is answered late, where there were many
// (identity/failed_logins.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "access_files.h"
#include "base/clock.h"
#include "bridge/metrics.h"
#include "identity/authenticator.h"
#include "identity/failed_logins.h"

namespace bitacora::app {

class AuthenticationWorkers final : public identity::Authenticator {
 public:
  struct Options {
    std::uint32_t threads = 2;
    std::size_t max_waiting = 256;  // for a thread; of as many the late answer is held back
    identity::FailedLoginTerms failed{};
  };
  static constexpr std::chrono::seconds remembered{60};
  static constexpr std::size_t max_remembered = 10'000;

  // `clock` and `metrics` outlive it. `secret` is of this process: remembered passwords are kept as what it makes of
  // them.
  AuthenticationWorkers(const Clock& clock, bridge::BrokerMetrics& metrics, std::string secret, const Options& options);
  ~AuthenticationWorkers() override;  // answers nobody who still waits
  AuthenticationWorkers(const AuthenticationWorkers&) = delete;
  AuthenticationWorkers& operator=(const AuthenticationWorkers&) = delete;

  void set_judge(std::shared_ptr<const CredentialJudge> judge);  // forgets what was remembered
  void authenticate(identity::Credentials credentials, Done done) override;

 private:
  struct Question {
    identity::Credentials credentials;
    Done done;
  };
  struct LateAnswer {
    Question question;
    identity::Verdict verdict;
  };
  struct Remembered {
    identity::Verdict verdict;
    MonotonicTime until;
  };

  void work();
  // Until there is something to judge or to answer, or the end.
  void wait(std::unique_lock<std::mutex>& lock);
  // Counts a refusal, and gives it now or when it is time.
  void refuse(std::unique_lock<std::mutex>& lock, Question question, identity::Verdict verdict);
  void give_late_answers(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::string mark_of(const identity::Credentials& credentials) const;
  [[nodiscard]] std::optional<identity::Verdict> recall(const std::string& mark, Now now);
  void remember(const std::string& mark, const identity::Verdict& verdict, Now now);

  const Clock& clock_;
  bridge::BrokerMetrics& metrics_;
  const std::string secret_;
  const std::size_t max_waiting_;
  std::mutex mutex_;  // guards all below
  std::condition_variable wakes_;
  std::deque<Question> questions_;
  std::multimap<MonotonicTime, LateAnswer> late_;
  identity::FailedLogins failed_;
  std::shared_ptr<const CredentialJudge> judge_ = std::make_shared<const CredentialJudge>();
  std::unordered_map<std::string, Remembered> remembered_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bitacora::app
