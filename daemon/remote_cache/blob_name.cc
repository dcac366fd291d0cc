// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/blob_name.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace btfd::daemon::remote {

namespace {

std::string Resource(absl::string_view instance, absl::string_view middle,
                     const BlobName& name, bool zstd) {
  return absl::StrCat(instance, instance.empty() ? "" : "/", middle,
                      zstd ? "compressed-blobs/zstd/" : "blobs/",
                      name.digest.hex(), "/", name.size);
}

}  // namespace

BlobName BlobName::Of(absl::string_view bytes) {
  return {util::Digest::Of(bytes), bytes.size()};
}

absl::StatusOr<BlobName> BlobName::From(const reapi::Digest& digest) {
  const auto hash = util::Digest::FromHex(digest.hash());
  if (!hash.ok() || digest.size_bytes() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a SHA-256 with a size: ", digest.hash(), "/",
                     digest.size_bytes()));
  }
  return BlobName{*hash, static_cast<uint64_t>(digest.size_bytes())};
}

void BlobName::To(reapi::Digest* out) const {
  out->set_hash(digest.hex());
  out->set_size_bytes(static_cast<int64_t>(size));
}

bool BlobName::Names(absl::string_view bytes) const {
  return bytes.size() == size && util::Digest::Of(bytes) == digest;
}

std::string BlobName::ResourceToRead(absl::string_view instance,
                                     bool zstd) const {
  return Resource(instance, "", *this, zstd);
}

std::string BlobName::ResourceToWrite(absl::string_view instance,
                                      absl::string_view uuid, bool zstd) const {
  return Resource(instance, absl::StrCat("uploads/", uuid, "/"), *this, zstd);
}

}  // namespace btfd::daemon::remote
