#include "login.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/string.hpp>

#include "base/base64.h"
#include "mqtt/codec.h"

namespace bitacora::http {
namespace {

using identity::Principal;
using identity::Verdict;

// How long the threads that judge may take; they are told to be busy long before.
constexpr std::chrono::seconds patience{30};

// Both wait for it: the coroutine on the door's thread, and the authenticator that answers on its own.
struct Asked {
  explicit Asked(const asio::any_io_executor& executor) : answered(executor) {}
  Event answered;
  Verdict verdict{Verdict::Answer::busy, {}, {}};
};

asio::awaitable<Verdict> judge(Door& door, identity::Credentials credentials) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto asked = std::make_shared<Asked>(executor);
  // What the authenticator was given it gives away with its answer: the timer inside ends on this thread.
  door.authenticator->authenticate(std::move(credentials), [given = asked, executor](Verdict verdict) mutable {
    asio::post(executor, [asked = std::move(given), verdict = std::move(verdict)]() mutable {
      asked->verdict = std::move(verdict);
      asked->answered.happen();
    });
  });
  co_await asked->answered.wait(patience);
  co_return std::move(asked->verdict);
}

Answer unauthorized(Door& door, const Admission& admission, std::string_view why) {
  door.metrics.logins_refused.add();
  Answer answer = error_answer(401, authentication_error, why);
  if (admission.access->names == bridge::NameChecks::asked) {
    answer.headers.push_back({"WWW-Authenticate", R"(Basic realm="bitacora", charset="UTF-8")"});
  }
  if (admission.access->token_key != 0) answer.headers.push_back({"WWW-Authenticate", R"(Bearer realm="bitacora")"});
  return answer;
}

}  // namespace

std::optional<identity::Credentials> parse_authorization(std::string_view header) {
  const std::size_t blank = std::min(header.find(' '), header.size());
  const std::string_view scheme = header.substr(0, blank);
  header.remove_prefix(blank);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  identity::Credentials credentials;
  if (boost::beast::iequals(scheme, "Bearer")) {
    if (header.empty()) return std::nullopt;
    credentials.password = header;
    return credentials;
  }
  if (!boost::beast::iequals(scheme, "Basic")) return std::nullopt;
  const auto bytes = decode_base64(header);
  if (!bytes) return std::nullopt;
  const std::string_view text = as_text(*bytes);
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || !mqtt::is_valid_utf8_string(text.substr(0, colon))) {
    return std::nullopt;
  }
  credentials.user_name = text.substr(0, colon);
  credentials.password = text.substr(colon + 1);
  return credentials;
}

asio::awaitable<Parsed<std::shared_ptr<Caller>>> log_in(Door& door, Claim claim) {
  const std::shared_ptr<const Admission> admission = door.admission();
  if (claim.certificate_user) {
    Principal principal;
    principal.source = Principal::Source::certificate;
    principal.user = std::move(*claim.certificate_user);
    co_return std::make_shared<Caller>(door, std::move(principal));
  }
  if (claim.authorization.empty() || admission->access->names == bridge::NameChecks::none) {
    if (admission->access->lets_in_anonymous(admission->anonymous)) {
      co_return std::make_shared<Caller>(door, Principal{});
    }
    co_return Refused(unauthorized(door, *admission, "a user name and a password, or a token, are needed"));
  }
  auto credentials = parse_authorization(claim.authorization);
  if (!credentials) {
    co_return Refused(
        unauthorized(door, *admission, "the Authorization header is neither Basic nor Bearer as they are"));
  }
  credentials->peer = claim.peer;
  const Verdict verdict = co_await judge(door, std::move(*credentials));
  if (verdict.answer == Verdict::Answer::busy) {
    Answer busy = error_answer(503, "too many clients log in at once; try again");
    busy.headers.push_back({"Retry-After", "1"});
    co_return Refused(std::move(busy));
  }
  auto caller = std::make_shared<Caller>(door, verdict.principal);
  // The settings may have changed while it was judged.
  const bool accepted = verdict.answer == Verdict::Answer::accepted && caller->believed();
  if (accepted) co_return caller;
  if (!verdict.why.empty()) spdlog::info("HTTP: {}: login refused: {}", claim.peer, verdict.why);
  co_return Refused(unauthorized(door, *door.admission(), "wrong user name, password or token"));
}

}  // namespace bitacora::http
