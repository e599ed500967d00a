#include "open_directory.h"

#include "storage/posix_file_system.h"

namespace bitacora::app {
namespace {

storage::Result<std::unique_ptr<storage::Catalog>> open_catalog(const std::string& path) {
  auto catalog = storage::Catalog::open_read_only(path);
  if (!catalog && catalog.error().code == storage::Errc::not_found) return storage::Catalog::open(":memory:");
  return catalog;
}

}  // namespace

storage::Result<std::unique_ptr<OpenDirectory>> OpenDirectory::open(const std::string& directory) {
  std::unique_ptr<OpenDirectory> opened(new OpenDirectory);
  opened->files_ = storage::make_posix_file_system();
  const auto there = opened->files_->exists(directory);
  if (!there) return storage::Failed(there.error());
  if (!*there) {
    return storage::fail(storage::Errc::not_found,
                         "there is no directory " + directory + "; give the server's data directory");
  }
  auto catalog = open_catalog(directory + "/catalog.db");
  if (!catalog) return storage::Failed(catalog.error());
  opened->catalog_ = std::move(*catalog);
  auto store = storage::Store::open(*opened->files_, opened->clock_, *opened->catalog_,
                                    {.directory = directory, .policy = storage::OpenPolicy::read_only});
  if (!store) return storage::Failed(store.error());
  opened->store_ = std::move(*store);
  return opened;
}

}  // namespace bitacora::app
