// SPDX-License-Identifier: Apache-2.0
//
// AddBase: receives a base in chunks. Nothing that the client announces is
// trusted. Sizes are checked before memory is taken. Only bytes that have come
// are admitted. They must come at a minimum pace, must have the announced
// digest, and must be valid BTF.
#ifndef BTFD_DAEMON_RPC_UPLOAD_H_
#define BTFD_DAEMON_RPC_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "daemon/bases/file_key_table.h"
#include "daemon/bases/registry.h"
#include "daemon/finalize/admission.h"
#include "lib/engine/pipeline.h"
#include "lib/util/digest.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Thread-safe. All that is given must outlive it.
class Uploads {
 public:
  // An upload may take `pause` in addition to the time by its pace.
  Uploads(uint64_t max_btf_bytes, absl::Duration pause,
          AdmissionControl* admission, BaseRegistry* bases,
          FileKeyTable* file_keys)
      : max_btf_bytes_(max_btf_bytes),
        pause_(pause),
        admission_(admission),
        bases_(bases),
        file_keys_(file_keys) {}

  // Returns the next message of the call. OutOfRange at the end of the call;
  // any other error becomes the result of the call.
  using Reader = std::function<absl::Status(v1::AddBaseRequest* part)>;

  // Serves one call. On success fills in digest, already_known and types; an
  // error becomes an outcome by wire::OutcomeOf(status, kBase) after the bytes
  // were seen to be those announced, and by wire::OutcomeOf(status) before: see
  // `failed_in`.
  absl::Status Receive(const Reader& read,
                       const util::CallDeadline& call_deadline,
                       v1::AddBaseResponse* response,
                       engine::FailedIn* failed_in);

 private:
  struct Announced {
    util::Digest digest;
    uint64_t size = 0;
    std::optional<store::FileKey> file_key;
    std::string origin;
  };

  absl::StatusOr<Announced> ReadHeader(const Reader& read) const;
  absl::StatusOr<std::string> ReadChunks(
      const Reader& read, const Announced& announced,
      const util::CallDeadline& call_deadline,
      AdmissionControl::Ticket* ticket) const;
  void WaitForOtherUpload(const util::Digest& digest,
                          const util::CallDeadline& call_deadline);
  void EndTurn(const util::Digest& digest);
  void Welcome(const BaseRegistry::Handle& base, const Announced& announced,
               v1::AddBaseResponse* response);

  const uint64_t max_btf_bytes_;
  const absl::Duration pause_;
  AdmissionControl* const admission_;
  BaseRegistry* const bases_;
  FileKeyTable* const file_keys_;

  absl::Mutex mutex_;
  absl::flat_hash_set<util::Digest> being_sent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_UPLOAD_H_
