// Sends stored batches behind the header of an answer: by sendfile where they are in a file that has a descriptor and
// nothing lies over the socket, by ordinary writes otherwise (TLS, a log in memory).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "storage/stored_batches.h"
#include "wire.h"

namespace bitacora::http {

// `timeout` is for each piece that the client takes. false: the client is gone, or the file ended too early: then less
// went out than the header said, and the connection has to be closed.
[[nodiscard]] asio::awaitable<bool> send_batches(Wire& stream, const storage::StoredBatches& batches,
                                                 std::chrono::milliseconds timeout);

}  // namespace bitacora::http
