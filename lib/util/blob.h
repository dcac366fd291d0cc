// SPDX-License-Identifier: Apache-2.0
//
// An owned, movable, 8-byte aligned run of bytes: what an index is built in,
// stored from and used in place as.
#ifndef BTFD_LIB_UTIL_BLOB_H_
#define BTFD_LIB_UTIL_BLOB_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace btfd::util {

class Blob {
 public:
  Blob() = default;
  // Uninitialized content.
  explicit Blob(size_t size)
      : words_(new uint64_t[(size + 7) / 8]), size_(size) {}

  char* data() { return reinterpret_cast<char*>(words_.get()); }
  const char* data() const {
    return reinterpret_cast<const char*>(words_.get());
  }
  size_t size() const { return size_; }
  absl::string_view view() const { return {data(), size_}; }

 private:
  std::unique_ptr<uint64_t[]> words_;
  size_t size_ = 0;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_BLOB_H_
