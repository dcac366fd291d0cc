// SPDX-License-Identifier: Apache-2.0
//
// Service has one method for each RPC of proto/btfd.proto. It passes the work
// on to other classes. An error becomes an Outcome in the response. A call's
// own status is used only for errors of the transport, and for messages that
// cannot be parsed.
//
// No message is parsed before it was measured (message.h), and no Finalize
// before it was admitted. For that, each method is registered as one that takes
// its request as bytes, by gRPC's "streamed unary" methods, which are the same
// on the wire.
#ifndef BTFD_DAEMON_RPC_SERVICE_H_
#define BTFD_DAEMON_RPC_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "daemon/bases/file_key_table.h"
#include "daemon/bases/registry.h"
#include "daemon/finalize/admission.h"
#include "daemon/finalize/finalizer.h"
#include "daemon/finalize/result_verifier.h"
#include "daemon/forward/forwarder.h"
#include "daemon/listen/remote_clients.h"
#include "daemon/metrics/latency.h"
#include "daemon/metrics/metrics.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/results/result_cache.h"
#include "daemon/rpc/counter_ledger.h"
#include "daemon/rpc/upload.h"
#include "daemon/startup/options.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "lib/util/log.h"
#include "lib/util/task_queue.h"
#include "proto/btfd.grpc.pb.h"

namespace btfd::daemon {

// Thread-safe. Must not be destroyed while a server uses it.
class Service final : public v1::Btfd::Service {
 public:
  // The parts that the service uses; the pointers must outlive it. `store` may
  // be null; then `store_path` says why there is none.
  struct Parts {
    Options options;
    store::Store* store = nullptr;
    std::string store_path;
    store::Counters* counters = nullptr;
    Forwarder* forwarder = nullptr;  // null: no request is forwarded
    SharedCache* shared = nullptr;   // null: no shared cache
    util::Log* log = nullptr;
    wire::FinalizeFn finalize = engine::Finalize;
    std::function<void()> on_shutdown;  // a client asked for it; any thread
  };
  explicit Service(Parts parts);

  AdmissionControl& admission() { return admission_; }
  // Housekeeping, to be called now and then by one thread: what clients noted
  // down to the counters, these to the store, bases that are too many out of
  // memory.
  void Tidy();
  // Gives memory that is not used back to the system.
  void GiveBack();
  // What the metrics port shows. Thread-safe.
  MetricsSnapshot ReadMetrics();
  History* history() { return &history_; }
  // Writes everything that is pending to the store; takes at most `limit`.
  void Finish(absl::Duration limit);

 private:
  using Context = grpc::ServerContext;

  using Bytes = grpc::ByteBuffer;

  // The small methods, and a function that registers one of them.
  grpc::Status Greet(Context*, const v1::GreetRequest*,
                     v1::GreetResponse*) override;
  grpc::Status FindResult(Context*, const v1::FindResultRequest*,
                          v1::FinalizeResponse*) override;
  grpc::Status BindFileKey(Context*, const v1::BindFileKeyRequest*,
                           v1::BindFileKeyResponse*) override;
  grpc::Status ReadBase(Context*, const v1::ReadBaseRequest*,
                        v1::ReadBaseResponse*) override;
  grpc::Status ListBases(Context*, const v1::ListBasesRequest*,
                         v1::ListBasesResponse*) override;
  grpc::Status RemoveBase(Context*, const v1::RemoveBaseRequest*,
                          v1::RemoveBaseResponse*) override;
  grpc::Status GetStatus(Context*, const v1::GetStatusRequest*,
                         v1::GetStatusResponse*) override;
  grpc::Status GetCacheStatus(Context*, const v1::GetCacheStatusRequest*,
                              v1::GetCacheStatusResponse*) override;
  grpc::Status ClearCache(Context*, const v1::ClearCacheRequest*,
                          v1::ClearCacheResponse*) override;
  grpc::Status VerifyCache(Context*, const v1::VerifyCacheRequest*,
                           v1::VerifyCacheResponse*) override;
  grpc::Status ReportEvents(Context*, const v1::ReportEventsRequest*,
                            v1::ReportEventsResponse*) override;
  grpc::Status Shutdown(Context*, const v1::ShutdownRequest*,
                        v1::ShutdownResponse*) override;
  template <typename Response>
  void Complain(Response* response) const;
  template <typename Request, typename Response>
  void RegisterSmall(const char* method,
                     grpc::Status (Service::*serve)(Context*, const Request*,
                                                    Response*));

  // The other methods.
  void RegisterMethods();
  grpc::Status ServeFinalize(
      Context* context,
      grpc::ServerUnaryStreamer<Bytes, v1::FinalizeResponse>* call);
  grpc::Status ServeStream(
      Context* context,
      grpc::ServerReaderWriter<v1::FinalizeResponse, Bytes>* call);
  grpc::Status ServeUpload(
      Context* context,
      grpc::ServerReaderWriter<v1::AddBaseResponse, Bytes>* call);
  // Serves a request that was sent together with a base.
  void FinalizeAlong(const v1::FinalizeRequest& request,
                     const util::CallDeadline& call_deadline,
                     v1::FinalizeResponse* response);

  void CountCall(const char* method);
  // Counts what clients did without a daemon since this was last called.
  void CollectFallbacks();

  // Sets outcome and message of a response other than FinalizeResponse, and
  // counts an error (OK is counted for modules only).
  template <typename Response>
  void Conclude(const absl::Status& status, engine::FailedIn failed_in,
                Response* response);

  const Options options_;
  store::Store* const store_;
  const std::string store_path_;
  store::Counters* const counters_;
  util::Log* const log_;
  Forwarder* const forwarder_;
  SharedCache* const shared_;
  const std::function<void()> on_shutdown_;
  const absl::Time started_ = absl::Now();
  // By method; all of them are there from the beginning.
  std::map<std::string, std::atomic<uint64_t>, std::less<>> calls_;
  StageLatencies latencies_;
  History history_;

  RemoteClients remote_clients_;
  AdmissionControl admission_;
  Workspaces workspaces_;
  CounterLedger ledger_;
  BaseRegistry bases_;
  FileKeyTable file_keys_;
  ResultCache results_;
  ResultVerifier verifier_;
  Uploads uploads_;
  Finalizer finalizer_;
  util::TaskQueue stream_tasks_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_SERVICE_H_
