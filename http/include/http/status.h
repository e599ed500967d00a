// Storage errors as HTTP statuses: one table, tested over every value.
#pragma once

#include "storage/errc.h"

namespace bitacora::http {

[[nodiscard]] unsigned status_of(storage::Errc code) noexcept;

}  // namespace bitacora::http
