// The return type of everything that can fail in an expected way: a value or an error, never both, never ignored.
//
// Each library fixes its own error type (`storage::Error`, `mqtt::ReasonCode`) and aliases Result to it.
#pragma once

#include <tl/expected.hpp>

namespace bitacora {

template <class T, class E>
class [[nodiscard]] Result : public tl::expected<T, E> {
 public:
  using tl::expected<T, E>::expected;
};

// `return Failure{error};` from any function that returns a Result with that error type.
template <class E>
using Failure = tl::unexpected<E>;

}  // namespace bitacora
