// A file system in memory with the few verbs that its tests tell their stories with.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/memory_file_system.h"

namespace bitacora::storage {

class Disk {
 public:
  [[nodiscard]] std::unique_ptr<File> open(const std::string& path, OpenMode mode = OpenMode::create) {
    auto file = fs_->open(path, mode);
    EXPECT_TRUE(file) << path;
    return file ? *std::move(file) : nullptr;
  }
  // A file with a durable name, and `text` durable in it.
  [[nodiscard]] std::unique_ptr<File> durable_file(const std::string& path, std::string_view text) {
    auto file = open(path);
    write(*file, 0, text);
    EXPECT_TRUE(file->sync_data());
    EXPECT_TRUE(fs_->sync_directory(parent_directory(path)));
    return file;
  }
  static void write(File& file, std::uint64_t position, std::string_view text) {
    EXPECT_TRUE(file.write_at(position, as_bytes(text)));
  }
  static void lose_unsynced(File& file) {
    auto* memory = dynamic_cast<MemoryFile*>(&file);
    ASSERT_NE(memory, nullptr);
    memory->lose_unsynced();
  }
  [[nodiscard]] std::string text_of(const std::string& path) {
    const auto bytes = read_file(*fs_, path);
    return bytes ? std::string(as_text(*bytes)) : "(" + std::string(name_of(bytes.error().code)) + ")";
  }
  [[nodiscard]] bool has(const std::string& path) { return *fs_->exists(path); }
  MemoryFileSystem& fs() { return *fs_; }

 private:
  std::unique_ptr<MemoryFileSystem> fs_ = make_memory_file_system();
};

}  // namespace bitacora::storage
