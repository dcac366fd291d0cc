// SPDX-License-Identifier: Apache-2.0
//
// Forwards requests to remote daemons (the option `server`) over TLS. Digests
// are sent first: for a module above a certain size the daemon asks by
// FindResult, and the module's bytes are sent only if no remote daemon has the
// result. A base is sent only to a daemon that answered that it lacks the base.
//
// A build never fails because of the farm: only a good answer of the same
// engine version is used. After any other answer the caller runs its own
// engine. A remote daemon that failed is not asked for a while, which doubles
// after each failure. So a farm that is gone costs a build some seconds in all,
// and not some for each module.
#ifndef BTFD_DAEMON_FORWARD_FORWARDER_H_
#define BTFD_DAEMON_FORWARD_FORWARDER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/forward/single_flight.h"
#include "lib/store/counters.h"
#include "lib/util/blob.h"
#include "lib/util/call_deadline.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

class Remote;

// Thread-safe. All that is given must outlive it.
class Forwarder {
 public:
  struct Settings {
    std::string server;  // the option's text, see remote.h
    std::string ca, certificate, key;
    absl::Duration timeout;
    uint32_t engine_version = 0;
  };

  // InvalidArgument if the option or the files cannot be used. It is no error
  // if no remote daemon answers, now or later.
  static absl::StatusOr<std::unique_ptr<Forwarder>> Make(
      Settings settings, store::Counters* counters, util::Log* log);
  ~Forwarder();

  // A request to be forwarded. `query` names the result of `request`; null if
  // no cache may be asked. `base` is null if there is no base.
  struct Job {
    const v1::FinalizeRequest* request = nullptr;
    const v1::FindResultRequest* query = nullptr;
    const util::Digest* base = nullptr;
    // Returns the base's raw bytes. Called only if a remote daemon lacks them.
    // NotFound if they are not here either.
    std::function<absl::StatusOr<util::Blob>()> raw_base;
  };

  // True if a remote daemon gave a good answer; `response` then has all of it
  // but the tag. Blocks at most for the timeout, and always leaves time for the
  // caller's own engine before the deadline of the call.
  bool Finalize(const Job& job, const util::CallDeadline& call_deadline,
                v1::FinalizeResponse* response);

  // True if a remote daemon has the base; `response` then has its answer. Else
  // `response` stays as it is. Blocks at most for the timeout.
  bool ReadBase(v1::ReadBaseRequest request,
                const util::CallDeadline& call_deadline,
                v1::ReadBaseResponse* response);

  // The option's text, for messages.
  const std::string& server() const { return settings_.server; }

 private:
  struct Attempt;

  Forwarder(Settings settings, std::vector<std::unique_ptr<Remote>> remotes,
            store::Counters* counters, util::Log* log);

  Remote* Next(absl::Time now);
  bool Try(Remote* remote, Attempt* attempt);
  // Each returns true if the attempt has ended, with or without success.
  bool AskByDigest(Remote* remote, Attempt* attempt);
  bool Send(Remote* remote, Attempt* attempt);
  bool SendWithBase(Remote* remote, Attempt* attempt);
  bool Take(Remote* remote, Attempt* attempt);

  const Settings settings_;
  const std::vector<std::unique_ptr<Remote>> remotes_;
  store::Counters* const counters_;
  util::Log* const log_;
  std::atomic<uint32_t> turn_{0};
  SingleFlight base_uploads_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FORWARD_FORWARDER_H_
