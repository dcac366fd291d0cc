// SPDX-License-Identifier: Apache-2.0
//
// The content of a FakeServer, and the rules by which it accepts blobs and
// results.
#ifndef BTFD_TESTS_REMOTE_CACHE_FAKE_STORAGE_H_
#define BTFD_TESTS_REMOTE_CACHE_FAKE_STORAGE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "proto/remote_execution.pb.h"

namespace btfd::tests {

namespace reapi = ::build::bazel::remote::execution::v2;

// Thread-safe. Errors are those with which a server must answer by the API.
class FakeStorage {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  // InvalidArgument unless it is a valid SHA-256 with a size.
  static absl::Status CheckDigest(const reapi::Digest& digest);

  // InvalidArgument unless `digest` is the digest of the bytes.
  absl::Status PutBlob(const reapi::Digest& digest, std::string bytes);
  // Null if it is not there. The empty blob is always there.
  Bytes FindBlob(const reapi::Digest& digest) const;

  // Accepts a result if all parts of its Action and all its outputs are there.
  absl::Status PutResult(const reapi::Digest& action,
                         const reapi::ActionResult& result,
                         bool require_inputs);
  std::optional<reapi::ActionResult> FindResult(
      const reapi::Digest& action) const;

  size_t blobs() const;
  size_t results() const;
  void DropBlob(const std::string& bytes);
  void ForEachResult(const std::function<void(const std::string& action_hash,
                                              reapi::ActionResult*)>& visit);
  std::vector<std::string> Commands() const;

 private:
  // Parses a blob, which must be the canonical form of the message.
  template <typename Message>
  absl::StatusOr<Message> Read(const reapi::Digest& digest,
                               const char* what) const;
  absl::Status CheckAction(const reapi::Digest& digest,
                           const reapi::ActionResult& result,
                           bool require_inputs) const;

  mutable absl::Mutex mutex_;
  // By hash.
  std::map<std::string, Bytes> blobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<reapi::Digest, reapi::ActionResult>> results_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_FAKE_STORAGE_H_
