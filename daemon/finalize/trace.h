// SPDX-License-Identifier: Apache-2.0
//
// What a client that traces is told of the time that its request took here.
#ifndef BTFD_DAEMON_FINALIZE_TRACE_H_
#define BTFD_DAEMON_FINALIZE_TRACE_H_

#include <cstdint>

#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Times are util::MonotonicNs(). A span of the number 0 of a thread is one of
// waiting, or of more than one thread.
inline void AddSpan(const char* name, int64_t start_ns, int64_t end_ns,
                    uint32_t thread, v1::FinalizeResponse* response) {
  v1::Span* const span = response->add_spans();
  span->set_name(name);
  span->set_start_ns(start_ns);
  span->set_end_ns(end_ns);
  span->set_thread(thread);
}

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_TRACE_H_
