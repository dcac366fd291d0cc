// SPDX-License-Identifier: Apache-2.0
//
// The same work on many items, on all cores.
#ifndef BTFD_CLIENT_BATCH_IN_THREADS_H_
#define BTFD_CLIENT_BATCH_IN_THREADS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"

namespace btfd::client {

// Whether `count` threads may be started. Each may take 8 MiB of stack and 64
// MiB of heap of the address space, and neither gRPC nor a module that is
// worked on survives that there is no more of it (ulimit -v, ulimit -d).
bool HasRoomForThreads(uint64_t count);

// Calls `run`, which ends when there is nothing left to do, on `wanted`
// threads, this one included, or on fewer where a limit allows no more. Returns
// once all are done.
void RunInThreads(size_t wanted, const std::function<void()>& run);

// Calls `work` for each of them, on as many threads as there are cores, this
// one included. A limit may allow fewer threads. Takes the items from the
// front.
void ForEachInThreads(std::deque<std::string>* items,
                      absl::FunctionRef<void(const std::string&)> work);

// Calls `work` for each number below `count` likewise.
void ForEachNumberInThreads(size_t count,
                            absl::FunctionRef<void(size_t number)> work);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_IN_THREADS_H_
