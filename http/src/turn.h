// Between two pieces of long work on the door's thread.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace bitacora::http {

// Goes on when whatever else was ready has had its turn.
[[nodiscard]] boost::asio::awaitable<void> next_turn();

}  // namespace bitacora::http
