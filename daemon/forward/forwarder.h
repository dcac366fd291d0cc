// SPDX-License-Identifier: Apache-2.0
//
// Requests handed on to remote daemons (the option `server`), over TLS, with
// digests first: a module of some size is asked for by FindResult, and its
// bytes travel only if nobody has the result. A base travels only to a daemon
// that said it has not got it.
//
// A build never fails because of the farm: only a good answer of the same
// engine version is taken. Whatever else comes is for the caller's own engine.
// A remote that fails is left alone for a while that doubles, so that a farm
// that is gone costs a build some seconds and not some a module.
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
    std::string server;  // as the option, see remote.h
    std::string ca, certificate, key;
    absl::Duration timeout;
    uint32_t engine_version = 0;
  };

  // InvalidArgument for a server or files that make no sense. That nobody
  // answers there is no error, now or later.
  static absl::StatusOr<std::unique_ptr<Forwarder>> Make(
      Settings settings, store::Counters* counters, util::Log* log);
  ~Forwarder();

  // What there is to hand on. `query` names the result that `request` is
  // after; null where no cache is to be asked. `base` is null without one.
  struct Job {
    const v1::FinalizeRequest* request = nullptr;
    const v1::FindResultRequest* query = nullptr;
    const util::Digest* base = nullptr;
    // Its raw bytes, called only if a remote daemon lacks them. NotFound if
    // they are not here either.
    std::function<absl::StatusOr<util::Blob>()> raw_base;
  };

  // True where a remote daemon answered well; `response` is then all that it
  // says, but for the tag. Blocks for the timeout at most, and never so long
  // that the deadline of the call would not do for its own engine as well.
  bool Finalize(const Job& job, const util::CallDeadline& call_deadline,
                v1::FinalizeResponse* response);

  // For people: the option's text.
  const std::string& server() const { return settings_.server; }

 private:
  struct Attempt;

  Forwarder(Settings settings, std::vector<std::unique_ptr<Remote>> remotes,
            store::Counters* counters, util::Log* log);

  Remote* Next(absl::Time now);
  bool Try(Remote* remote, Attempt* attempt);
  // Each says whether the attempt is over, well or not.
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
