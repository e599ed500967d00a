// The question "is this who it says it is?", which takes milliseconds of hashing and so is never answered on the thread
// of an event loop. The doors ask it; app/ answers it on threads of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "identity/principal.h"

namespace bitacora::identity {

struct Credentials {
  std::string user_name;
  std::string password;  // or a JWT
  std::string peer;      // for the log, and to slow down who guesses: "127.0.0.1:50123"
  // Not empty: the door has found out by itself that they are wrong, and this is why (SCRAM). The verdict is `refused`;
  // it only has to be counted and to take its time.
  std::string disproved{};
};

struct Verdict {
  enum class Answer : std::uint8_t {
    accepted,
    refused,  // wrong name or password, or a token that does not hold: which of them is not told to the client
    busy,     // too many wait, or too many of this address or for this user were wrong; it may come again
  };
  Answer answer = Answer::refused;
  Principal principal{};  // accepted
  std::string why{};      // refused: for the log alone
};

class Authenticator {
 public:
  using Done = std::function<void(Verdict)>;
  virtual ~Authenticator() = default;

  // `done` is called once: on a thread of the authenticator's, or before this returns where the answer is `busy` or
  // needs no work. Any thread.
  virtual void authenticate(Credentials credentials, Done done) = 0;
};

}  // namespace bitacora::identity
