// SPDX-License-Identifier: Apache-2.0
#include "daemon/bases/file_key_table.h"

#include "absl/strings/str_cat.h"
#include "daemon/bases/base_entry.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// Keys in memory. When there are more, the table starts empty again (the store
// has all keys).
constexpr size_t kMaxKeys = 4096;

}  // namespace

absl::StatusOr<util::Digest> FileKeyTable::Find(const store::FileKey& key) {
  ASSIGN_OR_RETURN(const util::Digest digest, Lookup(key));
  if (digest == util::Digest()) {
    return absl::NotFoundError("the file key was said to be of two bases");
  }
  return digest;
}

absl::Status FileKeyTable::Bind(const store::FileKey& key,
                                const util::Digest& digest,
                                absl::string_view sample) {
  if (!sample.empty() && sample != key.sample) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the file key is of another content than base ", ShortName(digest)));
  }
  const absl::StatusOr<util::Digest> known = Lookup(key);
  if (known.ok() && *known == digest) return absl::OkStatus();
  const util::Digest bound = known.ok() ? util::Digest() : digest;
  Remember(key, bound);
  if (store_ != nullptr) store_->PutFileKey(key, bound);
  if (!known.ok()) return absl::OkStatus();
  const absl::Status refused = absl::InvalidArgumentError(absl::StrCat(
      "the file key ", key.file, " was said to be of base ", ShortName(*known),
      ", not ", ShortName(digest),
      "; a file has one content, so neither is believed from now on"));
  if (*known != util::Digest()) log_->Warning(refused.message());
  return refused;
}

absl::StatusOr<util::Digest> FileKeyTable::Lookup(const store::FileKey& key) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = keys_.find(key);
    if (found != keys_.end()) return found->second;
  }
  if (store_ == nullptr) return absl::NotFoundError("unknown file key");
  ASSIGN_OR_RETURN(const util::Digest digest, store_->GetFileKey(key));
  Remember(key, digest);
  return digest;
}

void FileKeyTable::Remember(const store::FileKey& key,
                            const util::Digest& digest) {
  absl::MutexLock lock(&mutex_);
  if (keys_.size() >= kMaxKeys) keys_.clear();
  keys_.insert_or_assign(key, digest);
}

}  // namespace btfd::daemon
