// SPDX-License-Identifier: Apache-2.0
//
// An owned, movable, 8-byte aligned run of bytes: what an index is built in,
// stored from and used in place as. Large ones lie on huge pages (pages.h).
#ifndef BTFD_LIB_UTIL_BLOB_H_
#define BTFD_LIB_UTIL_BLOB_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "lib/util/pages.h"

namespace btfd::util {

class Blob {
 public:
  Blob() = default;
  // Uninitialized content.
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
