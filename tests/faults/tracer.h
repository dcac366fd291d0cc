// SPDX-License-Identifier: Apache-2.0
//
// Runs a program under ptrace(2), counts its write-side system calls, and kills
// it at one of them. A write-side call is one that changes, or may change, what
// is on a disk: writes, truncations, syncs, everything that makes, renames,
// links or removes a name, and changes of mode or owner. What goes to sockets,
// pipes and the standard streams is none.
//
// kHalfway is a kill that finds the kernel between two pages: of a pwrite(2) of
// more than one, the first half is written. Any other call it is kAfter.
//
// Instead of killing it, it can let that call, and all later ones that need
// room on the disk, fail with ENOSPC: the disk is full from there on.
//
// Threads and child processes of the program are followed and counted with it,
// in the order in which their calls begin; the kill is of all of them.
#ifndef BTFD_TESTS_FAULTS_TRACER_H_
#define BTFD_TESTS_FAULTS_TRACER_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace btfd::tests {

struct KillPoint {
  enum Side { kBefore, kAfter, kHalfway, kDiskFull };
  uint64_t call = 0;  // the how manieth, from 1; 0: none
  Side side = kBefore;
};

struct TraceResult {
  bool killed = false;  // at the point, or its disk was full from there on
  int exit_code = -1;   // 128 + signal where a signal ended it
  uint64_t calls = 0;   // write-side calls that began
  std::string at;       // the call of the kill: "pwrite64 on PATH"
  std::string output;   // stdout and stderr
  std::string error;    // why it could not be traced
};

struct TraceOptions {
  std::vector<std::string> environment;  // NAME=VALUE, on top of this process's
  KillPoint point;
};

// A program under trace, on a thread of its own. Not thread-safe but for
// running() and pid().
class TracedProcess {
 public:
  TracedProcess(std::vector<std::string> argv, TraceOptions options);
  ~TracedProcess();  // kills it if it still runs
  TracedProcess(const TracedProcess&) = delete;
  TracedProcess& operator=(const TracedProcess&) = delete;

  pid_t pid() const { return pid_; }  // 0 until it has begun
  bool running() const { return !done_; }
  // Waits for its end. After `seconds` it is killed: `error` then says so.
  TraceResult Wait(int seconds = 60);

 private:
  struct Loop;

  std::atomic<pid_t> pid_{0};
  std::atomic<bool> done_{false};
  TraceResult result_;
  std::thread thread_;
};

// The same, to its end.
TraceResult RunTraced(std::vector<std::string> argv, TraceOptions options);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_TRACER_H_
