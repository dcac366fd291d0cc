// SPDX-License-Identifier: Apache-2.0
//
// The dedup candidates of a base, in libbpf's candidate order, built once per
// base and shared by all requests. One relocatable blob like Base's, versioned,
// checksummed and used in place.
#ifndef BTFD_LIB_BTF_DEDUP_INDEX_H_
#define BTFD_LIB_BTF_DEDUP_INDEX_H_

#include <memory>

#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/util/blob.h"

namespace btfd::btf {

class DedupIndex {
 public:
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Build(
      const Base& base);
  // DataLoss if the blob is damaged, of another version, or of another base.
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Load(
      util::Blob blob, const Base& base);
  absl::string_view blob() const { return blob_.view(); }

  // ... look-ups by key, as dedup needs them.

 private:
  DedupIndex() = default;
  util::Blob blob_;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_DEDUP_INDEX_H_
