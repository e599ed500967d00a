// A data directory opened for reading: nothing in it is changed, and a server may be running on it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "storage/catalog.h"
#include "storage/store.h"

namespace bitacora::app {

class OpenDirectory {
 public:
  // Errors as Store::open and Catalog::open_read_only have them; a directory without a catalog is read without one.
  [[nodiscard]] static storage::Result<std::unique_ptr<OpenDirectory>> open(const std::string& directory);

  [[nodiscard]] storage::Store& store() const noexcept { return *store_; }
  [[nodiscard]] storage::Catalog& catalog() const noexcept { return *catalog_; }

 private:
  OpenDirectory() = default;
  // In the order in which they lean on each other.
  std::unique_ptr<storage::FileSystem> files_;
  SystemClock clock_;
  std::unique_ptr<storage::Catalog> catalog_;
  std::unique_ptr<storage::Store> store_;
};

}  // namespace bitacora::app
