// SPDX-License-Identifier: Apache-2.0
//
// An interceptor lives as long as the context of its call, and gRPC's core
// keeps the call a little longer. The interceptor leaves the set under the lock
// under which calls are ended. So no call is touched after its end.
#include "daemon/rpc/stall_watch.h"

#include <grpc/grpc.h>
#include <grpcpp/server_context.h>
#include <string.h>

#include <atomic>
#include <cstdint>

#include "absl/time/clock.h"

namespace btfd::daemon {

using grpc::experimental::InterceptionHookPoints;

namespace {

// These members are public in both kinds of context that a server has, but not
// in their base class.
struct ContextAccess : grpc::ServerContextBase {
  using grpc::ServerContextBase::c_call;
};

grpc_call* CallOf(grpc::ServerContextBase* context) {
  grpc_call* (grpc::ServerContextBase::*const call)() = &ContextAccess::c_call;
  return (context->*call)();
}

}  // namespace

class StallWatch::Interceptor final : public grpc::experimental::Interceptor {
 public:
  Interceptor(StallWatch* watch, grpc::experimental::ServerRpcInfo* info)
      : watch_(watch), info_(info) {}
  ~Interceptor() override {
    absl::MutexLock lock(&watch_->mutex_);
    watch_->calls_.erase(this);
  }

  void Intercept(
      grpc::experimental::InterceptorBatchMethods* methods) override {
    const auto at = [methods](InterceptionHookPoints point) {
      return methods->QueryInterceptionHookPoint(point);
    };
    if (at(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      // The call begins. From now on its context knows it.
      last_progress_ns_ = absl::GetCurrentTimeNanos();
      absl::MutexLock lock(&watch_->mutex_);
      call_ = CallOf(info_->server_context());
      watch_->calls_.insert(this);
    } else if (at(InterceptionHookPoints::POST_RECV_MESSAGE) ||
               at(InterceptionHookPoints::PRE_SEND_MESSAGE) ||
               at(InterceptionHookPoints::POST_SEND_MESSAGE) ||
               at(InterceptionHookPoints::PRE_SEND_STATUS)) {
      last_progress_ns_ = absl::GetCurrentTimeNanos();
    }
    methods->Proceed();
  }

  bool stalled_since(int64_t ns) const { return last_progress_ns_ < ns; }
  void End() {
    grpc_call_cancel_with_status(call_, GRPC_STATUS_CANCELLED,
                                 "nothing moved on this call for too long",
                                 nullptr);
    // Once is enough: the call ends when its handler notices.
    last_progress_ns_ = INT64_MAX;
  }

 private:
  StallWatch* const watch_;
  grpc::experimental::ServerRpcInfo* const info_;
  grpc_call* call_ = nullptr;
  std::atomic<int64_t> last_progress_ns_{0};
};

class StallWatch::Factory final
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(StallWatch* watch) : watch_(watch) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    // A client that watches the daemon's health gets no message while the
    // daemon is healthy. Such a call needs no thread.
    if (strcmp(info->method(), "/grpc.health.v1.Health/Watch") == 0) {
      return nullptr;
    }
    ++watch_->calls_begun_;
    return new Interceptor(watch_, info);
  }

 private:
  StallWatch* const watch_;
};

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
StallWatch::NewInterceptorFactory() {
  return std::make_unique<Factory>(this);
}

int StallWatch::EndStalled(absl::Time now) {
  if (limit_ == absl::InfiniteDuration()) return 0;
  const int64_t since = absl::ToUnixNanos(now - limit_);
  int ended = 0;
  absl::MutexLock lock(&mutex_);
  for (Interceptor* call : calls_) {
    if (!call->stalled_since(since)) continue;
    call->End();
    ++ended;
  }
  return ended;
}

}  // namespace btfd::daemon
