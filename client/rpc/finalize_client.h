// SPDX-License-Identifier: Apache-2.0
//
// Requests that get an answer: by the shared daemon if there is one that works,
// else by a private one that does the same work. A build never fails because of
// the daemon, unless BTFD_REQUIRE=1 asks for that.
//
// What is done about each failure of the shared daemon:
//   absent, cannot be started     private, and a mark for the next minute
//   does not answer (stopped)     private, and a mark for the next minute
//   another protocol or engine    private, and a mark for the next minute
//   connection lost, draining     once more over a new connection, then private
//   busy                          some more tries, then private
//   a defect of ours (INTERNAL)   private
// Every use of the private one is counted, under a name of its own, where
// `btfc status` shows it.
#ifndef BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_
#define BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/environment.h"
#include "client/request/base_file.h"
#include "client/rpc/connection.h"
#include "client/rpc/direct_connection.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// One line for stderr, without the newline.
using Notice = std::function<void(const std::string&)>;

// Why the shared daemon is not used. The names are counters
// (lib/store/counters.h).
enum class Fallback { kNoDaemon, kTimeout, kVersion, kBusy, kLost, kInternal };
const char* FallbackCounter(Fallback reason);

// What a call came to, and what to do about it.
enum class NextStep { kAnswered, kReconnect, kWait, kFallBack };
struct ClassifiedCall {
  NextStep next_step = NextStep::kAnswered;
  Fallback reason = Fallback::kNoDaemon;  // unless kAnswered
  std::string why;
};
// The response counts only if the transport is OK. Of a private daemon, which
// is the last resort, any engine will do.
ClassifiedCall ClassifyCall(const absl::Status& transport,
                            const v1::FinalizeResponse& response,
                            bool is_private);

// Says which base a request is over, and registers it where the daemon asks
// for that: `send` is called again after each such answer, a bounded number of
// times. `base` may be null. The Status is the transport's; what is wrong with
// the base itself, and no daemon could help, goes to `base_error`.
absl::Status SendOverBase(DirectConnection* daemon, BaseFile* base,
                          v1::FinalizeRequest* request,
                          v1::FinalizeResponse* response,
                          absl::Status* base_error,
                          const std::function<absl::Status()>& send);

// Not thread-safe.
class FinalizeClient {
 public:
  FinalizeClient(Environment environment, util::RuntimePaths paths,
                 Notice notice);

  // The response may be any outcome but those that the table above is about.
  // Errors: what is wrong with the base file; Unavailable or NotFound if
  // neither daemon can be had.
  absl::StatusOr<v1::FinalizeResponse> Finalize(v1::FinalizeRequest* request,
                                                BaseFile* base);

  // A connection to the same daemon as the last call's, for who makes calls of
  // his own by gRPC. Connects if need be. A private daemon has one such
  // connection: Unavailable, if that was given away before.
  absl::StatusOr<util::UniqueFd> UseStream();
  // Whether that daemon is private.
  bool is_private() const { return is_private_; }
  // What came of such a call, unless it was OK: the next one goes elsewhere.
  void Failed(const absl::Status& transport);

 private:
  // Who is asked next. Connects if need be. The pointer is valid until the next
  // call of any method.
  absl::StatusOr<DirectConnection*> Use();
  // What is there to try after a failure. Unavailable if that is nothing.
  absl::StatusOr<DirectConnection*> UseAfter(const ClassifiedCall& call);
  absl::StatusOr<DirectConnection*> UseShared();
  absl::StatusOr<DirectConnection*> UsePrivate();
  absl::StatusOr<DirectConnection*> FallBack(Fallback reason,
                                             const std::string& why);

  const Environment environment_;
  const util::RuntimePaths paths_;
  const Notice notice_;
  BackoffMark mark_;
  std::unique_ptr<DirectConnection> daemon_;
  bool is_private_ = false;
  util::UniqueFd stream_;  // of a private daemon, until it is asked for
  bool reconnected_ = false;
  int waits_ = 0;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_
