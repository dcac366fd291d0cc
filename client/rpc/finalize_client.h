// SPDX-License-Identifier: Apache-2.0
//
// Sends requests and gets an answer to each. The shared daemon answers if it
// works; otherwise the engine in this process does the same work. So a build
// never fails because of the daemon, unless BTFD_REQUIRE=1 is set.
//
// What the client does about each failure of the shared daemon:
// ("Alone": the engine in this process does the work.)
//   absent, cannot be started     alone, and a mark for the next minute
//   does not answer (stopped)     alone, and a mark for the next minute
//   another protocol or engine    alone, and a mark for the next minute
//   connection lost, draining     one more try over a new connection, then
//                                 alone
//   busy                          some more tries, then alone
//   a defect of btfd (INTERNAL)   alone
// While the mark is there, no client of the user tries the shared daemon. Each
// process that works alone notes the reason in a file; the next daemon counts
// what it finds there, and `btfc status` shows the counts.
#ifndef BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_
#define BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/environment.h"
#include "client/local/local_engine.h"
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
ClassifiedCall ClassifyCall(const absl::Status& transport,
                            const v1::FinalizeResponse& response);

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
  // Tells the user what is wrong with the configuration files, once a minute.
  FinalizeClient(Environment environment, util::RuntimePaths paths,
                 Notice notice);

  // The response may be any outcome but those that the table above is about,
  // or INTERNAL where the engine in this process has a defect. Errors: what is
  // wrong with the base file; Unavailable if BTFD_REQUIRE=1 asks for a daemon,
  // and there is none.
  absl::StatusOr<v1::FinalizeResponse> Finalize(v1::FinalizeRequest* request,
                                                BaseFile* base);

  // Finalize() by the engine in this process, in any case: for a request that
  // needs nothing of what a daemon keeps.
  absl::StatusOr<v1::FinalizeResponse> FinalizeHere(
      const v1::FinalizeRequest& request);

  // The engine in this process, if the client has fallen back to it: it then
  // does all further work. Null as long as the shared daemon serves.
  LocalEngine* local() { return local_.get(); }
  // A connection to the shared daemon, for a caller that makes its own calls by
  // gRPC.
  absl::StatusOr<util::UniqueFd> UseStream();
  // The caller reports how such a call failed. The next call then goes
  // elsewhere if that can help.
  void Failed(const absl::Status& transport);

 private:
  // Makes sure that daemon_ or local_ is there for the next request.
  // Unavailable if BTFD_REQUIRE=1 asks for a daemon, and there is none.
  absl::Status Use();
  // The same after a call that failed.
  absl::Status UseAfter(const ClassifiedCall& call);
  absl::Status UseShared();
  absl::Status FallBack(Fallback reason, const std::string& why);
  // Tells the user what the daemon complains of, once a minute.
  void Tell(const v1::FinalizeResponse& response);

  const Environment environment_;
  const util::RuntimePaths paths_;
  const Notice notice_;
  BackoffMark mark_;
  // At most one of the two is there.
  std::unique_ptr<DirectConnection> daemon_;
  std::unique_ptr<LocalEngine> local_;
  bool reconnected_ = false;
  int waits_ = 0;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_FINALIZE_CLIENT_H_
