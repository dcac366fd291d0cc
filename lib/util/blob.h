// SPDX-License-Identifier: Apache-2.0
//
// Blob: an owned, movable run of bytes, aligned to 8. An index is built in a
// Blob, stored from it, and used in place in it. Large ones lie on huge pages
// (pages.h).
#ifndef BTFD_LIB_UTIL_BLOB_H_
#define BTFD_LIB_UTIL_BLOB_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "lib/util/pages.h"

namespace btfd::util {

class Blob {
 public:
  Blob() = default;
  // The content is uninitialized.
  explicit Blob(size_t size) : bytes_(AllocatePages(size)), size_(size) {}

  char* data() { return bytes_.get(); }
  const char* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  absl::string_view view() const { return {data(), size_}; }

 private:
  Pages bytes_;
  size_t size_ = 0;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_BLOB_H_
