#include "http/status.h"

#include <gtest/gtest.h>

namespace bitacora::http {
namespace {

using storage::Errc;

struct Row {
  Errc code;
  unsigned status;
};

TEST(HttpStatus, EveryStorageErrorHasOne) {
  const Row table[] = {{Errc::io_error, 500},
                       {Errc::no_space, 507},
                       {Errc::corrupt, 500},
                       {Errc::offset_out_of_range, 416},
                       {Errc::not_found, 404},
                       {Errc::already_exists, 409},
                       {Errc::invalid_argument, 400},
                       {Errc::partition_offline, 503},
                       {Errc::overloaded, 503},
                       {Errc::locked, 503},
                       {Errc::unsupported_format, 500},
                       {Errc::too_large, 413},
                       {Errc::closed, 503}};
  for (const Row& row : table) EXPECT_EQ(status_of(row.code), row.status) << storage::name_of(row.code);
  // A new value must be added here: closed is the last one.
  EXPECT_EQ(std::size(table), static_cast<std::size_t>(Errc::closed) + 1);
}

}  // namespace
}  // namespace bitacora::http
