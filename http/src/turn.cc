#include "turn.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bitacora::http {

boost::asio::awaitable<void> next_turn() { co_await boost::asio::post(boost::asio::use_awaitable); }

}  // namespace bitacora::http
