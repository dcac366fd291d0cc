// SPDX-License-Identifier: Apache-2.0
//
// The engine in the client's own process. It does the work if the shared daemon
// cannot be used. It needs no second process, no thread, no directory and no
// other program, so it runs wherever upstream's tool runs, and nothing of it
// outlives the client. Like upstream's tool it reads and indexes the base, once
// in a process.
#ifndef BTFD_CLIENT_LOCAL_LOCAL_ENGINE_H_
#define BTFD_CLIENT_LOCAL_LOCAL_ENGINE_H_

#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/request/base_file.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// Thread-safe, as long as nobody else uses the bases meanwhile.
class LocalEngine {
 public:
  // Answers as a daemon does, never with an outcome that is about the daemon or
  // asks for the base. `base` may be null, and must outlive this object: it is
  // indexed when it is first met. An error is about reading the base, or
  // ResourceExhausted where there is not enough memory.
  absl::StatusOr<v1::FinalizeResponse> Finalize(
      const v1::FinalizeRequest& request, BaseFile* base);

 private:
  struct Indexed {
    std::shared_ptr<const btf::Base> base;
    std::shared_ptr<const btf::DedupIndex> dedup;  // null until needed
    absl::Status defect;  // why there are none, if the base is no sound BTF
  };
  absl::StatusOr<v1::FinalizeResponse> Run(const v1::FinalizeRequest& request,
                                           BaseFile* base);
  // The index of the base, with that for dedup if `dedup`. An error is about
  // reading the base.
  absl::StatusOr<Indexed> IndexOf(BaseFile* base, bool dedup);

  absl::Mutex mutex_;
  std::map<const BaseFile*, Indexed> bases_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_LOCAL_LOCAL_ENGINE_H_
