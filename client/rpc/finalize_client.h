// SPDX-License-Identifier: Apache-2.0
//
// Sends requests and gets an answer to each. The shared daemon answers if it
// works; otherwise the client starts a private daemon, which does the same
// work. So a build never fails because of the daemon, unless BTFD_REQUIRE=1 is
// set.
//
// What the client does about each failure of the shared daemon:
//   absent, cannot be started     private, and a mark for the next minute
//   does not answer (stopped)     private, and a mark for the next minute
//   another protocol or engine    private, and a mark for the next minute
//   connection lost, draining     one more try over a new connection, then
//                                 private
//   busy                          some more tries, then private
//   a defect of btfd (INTERNAL)   private
// While the mark is there, no client of the user tries the shared daemon. The
// client counts each use of a private daemon, under one name for each reason;
// `btfc status` shows the counts.
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

// What the client does after a call.
enum class NextStep { kAnswered, kReconnect, kWait, kFallBack };
struct ClassifiedCall {
  NextStep next_step = NextStep::kAnswered;
  Fallback reason = Fallback::kNoDaemon;  // unless kAnswered
  std::string why;
};
// Says what a call came to. `response` is looked at only if `transport` is OK.
// A private daemon is the last resort, so its engine's version is not checked.
ClassifiedCall ClassifyCall(const absl::Status& transport,
                            const v1::FinalizeResponse& response,
                            bool is_private);

// Sends a request over a base. First it fills in what the request says of the
// base. If the daemon answers that it does not know the base, the client tells
// it the digest or sends the base, and calls `send` again, a bounded number of
// times. `base` may be null. The Status is the transport's. `base_error` is set
// if something is wrong with the base file, which no other daemon could help.
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

  // A connection to the daemon of the last call, for a caller that makes its
  // own calls by gRPC. Connects if there is none. A private daemon has only one
  // such connection: Unavailable if it was handed out before.
  absl::StatusOr<util::UniqueFd> UseStream();
  // Whether that daemon is private.
  bool is_private() const { return is_private_; }
  // The caller reports how such a call failed. The next call then goes to
  // another daemon if that can help.
  void Failed(const absl::Status& transport);

 private:
  // The daemon that gets the next request. Connects if there is no connection.
  // The pointer is valid until the next call of any method.
  absl::StatusOr<DirectConnection*> Use();
  // The daemon to try after a failed call. Unavailable if none is left.
  absl::StatusOr<DirectConnection*> UseAfter(const ClassifiedCall& call);
  absl::StatusOr<DirectConnection*> UseShared();
  absl::StatusOr<DirectConnection*> UsePrivate();
  absl::StatusOr<DirectConnection*> FallBack(Fallback reason,
                                             const std::string& why);
  void Tell(const v1::FinalizeResponse& response);

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
