// SPDX-License-Identifier: Apache-2.0
//
// What a batch spends its time on, in Chrome's trace event format ("Trace Event
// Format", the JSON object form), which Perfetto and chrome://tracing open.
// There is a track for each thread of the client and of the daemon, on which
// stages nest; what waits while its thread does other things has a track of its
// own.
#ifndef BTFD_CLIENT_REQUEST_TRACE_H_
#define BTFD_CLIENT_REQUEST_TRACE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "lib/util/monotonic.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// Thread-safe.
class Trace {
 public:
  // `path` is where the events go in the end.
  explicit Trace(std::string path) : path_(std::move(path)) {}

  // Something that this thread did, from `start_ns` (util::MonotonicNs()) until
  // now. `module` may be empty.
  void Add(const char* name, int64_t start_ns, absl::string_view module);
  // Something that was waited for, while the thread did other things.
  void AddWaiting(const char* name, int64_t start_ns, absl::string_view module);
  // What the daemon says of its own time.
  void AddDaemon(const v1::FinalizeResponse& response,
                 absl::string_view module);

  // Writes all events. Errors are the system's for the file.
  absl::Status Write() const;
  // The same as a text.
  std::string Json() const;

 private:
  struct Event {
    std::string name;
    std::string module;
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    uint32_t thread = 0;  // 0: waiting
    bool of_daemon = false;
  };

  const std::string path_;
  mutable absl::Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
};

// Adds what happens in its lifetime, unless `trace` is null: then it does
// nothing.
class TraceSpan {
 public:
  TraceSpan(Trace* trace, const char* name, absl::string_view module = "")
      : trace_(trace), name_(name) {
    if (trace_ == nullptr) return;
    module_ = std::string(module);
    start_ns_ = util::MonotonicNs();
  }
  ~TraceSpan() {
    if (trace_ != nullptr) trace_->Add(name_, start_ns_, module_);
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  Trace* const trace_;
  const char* const name_;
  std::string module_;
  int64_t start_ns_ = 0;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_TRACE_H_
