// SPDX-License-Identifier: Apache-2.0
//
// Runs a program under ptrace(2), counts its write-side system calls, and kills
// it at one of them. A write-side call is one that may change what is on a
// disk: writes, truncations, syncs, all calls that make, rename, link or remove
// a name, and changes of mode or owner. Writes to sockets, pipes and the
// standard streams are not counted.
//
// kHalfway is a kill in the middle of a call: of a pwrite(2) of more than one
// page, only the first half is written. For any other call it is the same as
// kAfter.
//
// Instead of killing, it can let that call fail with ENOSPC, and with it all
// later calls that need room on the disk: the disk is full from there on.
//
// Threads and child processes of the program are traced, too. Their calls are
// counted together, in the order in which they begin, and a kill ends them all.
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
  uint64_t call = 0;  // its number, from 1; 0: none
  Side side = kBefore;
};

struct TraceResult {
  bool killed = false;  // killed at the point, or the disk was full from it on
  int exit_code = -1;   // 128 + signal if a signal ended it
  uint64_t calls = 0;   // write-side calls that began
  std::string at;       // the call of the kill: "pwrite64 on PATH"
  std::string output;   // stdout and stderr
  std::string error;    // why it could not be traced
};

struct TraceOptions {
  std::vector<std::string> environment;  // NAME=VALUE, added to this process's
  KillPoint point;
};

// A traced program, on a thread of its own. Only running() and pid() are
// thread-safe.
class TracedProcess {
 public:
  TracedProcess(std::vector<std::string> argv, TraceOptions options);
  ~TracedProcess();  // kills it if it still runs
  TracedProcess(const TracedProcess&) = delete;
  TracedProcess& operator=(const TracedProcess&) = delete;

  pid_t pid() const { return pid_; }  // 0 until it has begun
  bool running() const { return !done_; }
  // Waits until the program ends. After `seconds` it is killed, and `error`
  // says so.
  TraceResult Wait(int seconds = 60);

 private:
  struct Loop;

  std::atomic<pid_t> pid_{0};
  std::atomic<bool> done_{false};
  TraceResult result_;
  std::thread thread_;
};

// Runs a program under trace until it ends.
TraceResult RunTraced(std::vector<std::string> argv, TraceOptions options);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_TRACER_H_
