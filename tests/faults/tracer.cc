// SPDX-License-Identifier: Apache-2.0
//
// The tracer stops every thread before and after each of its system calls.
// SIGKILL before a call means that the call is never made. SIGKILL after it
// means that the call was made, but the program did not see its result. To let
// a call fail, the tracer replaces its number by one that no system call has,
// and then replaces the result ENOSYS by the wanted error.
#include "tests/faults/tracer.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <utility>

#include "tests/support/process.h"

namespace btfd::tests {

namespace {

// The argument that names the file: a descriptor or a path.
enum class About { kFd0, kFd2, kPath };
struct WriteCall {
  long number;
  const char* name;
  About about;
};
constexpr WriteCall kWriteCalls[] = {
    {SYS_write, "write", About::kFd0},
    {SYS_pwrite64, "pwrite64", About::kFd0},
    {SYS_writev, "writev", About::kFd0},
    {SYS_pwritev, "pwritev", About::kFd0},
    {SYS_pwritev2, "pwritev2", About::kFd0},
    {SYS_sendfile, "sendfile", About::kFd0},
    {SYS_copy_file_range, "copy_file_range", About::kFd2},
    {SYS_splice, "splice", About::kFd2},
    {SYS_ftruncate, "ftruncate", About::kFd0},
    {SYS_fallocate, "fallocate", About::kFd0},
    {SYS_fsync, "fsync", About::kFd0},
    {SYS_fdatasync, "fdatasync", About::kFd0},
    {SYS_sync_file_range, "sync_file_range", About::kFd0},
    {SYS_fchmod, "fchmod", About::kFd0},
    {SYS_fchown, "fchown", About::kFd0},
    {SYS_msync, "msync", About::kPath},
    {SYS_renameat, "renameat", About::kPath},
    {SYS_renameat2, "renameat2", About::kPath},
    {SYS_linkat, "linkat", About::kPath},
    {SYS_symlinkat, "symlinkat", About::kPath},
    {SYS_unlinkat, "unlinkat", About::kPath},
    {SYS_mkdirat, "mkdirat", About::kPath},
    {SYS_truncate, "truncate", About::kPath},
    {SYS_fchmodat, "fchmodat", About::kPath},
    {SYS_fchownat, "fchownat", About::kPath},
    {SYS_utimensat, "utimensat", About::kPath},
#ifdef SYS_rename  // architectures that still have the older ones
    {SYS_rename, "rename", About::kPath},
    {SYS_link, "link", About::kPath},
    {SYS_symlink, "symlink", About::kPath},
    {SYS_unlink, "unlink", About::kPath},
    {SYS_mkdir, "mkdir", About::kPath},
    {SYS_rmdir, "rmdir", About::kPath},
    {SYS_chmod, "chmod", About::kPath},
    {SYS_chown, "chown", About::kPath},
    {SYS_lchown, "lchown", About::kPath},
    {SYS_creat, "creat", About::kPath},
#endif
};

// The path of a process's descriptor; empty if it is no file.
std::string FileOf(pid_t tid, uint64_t fd) {
  if (fd <= 2) return "";
  const std::string link =
      "/proc/" + std::to_string(tid) + "/fd/" + std::to_string(fd);
  char target[4096];
  const ssize_t n = readlink(link.c_str(), target, sizeof(target));
  if (n <= 0 || target[0] != '/') return "";
  std::string path(target, n);
  return path.rfind("/dev/", 0) == 0 && path.rfind("/dev/shm/", 0) != 0 ? ""
                                                                        : path;
}

// "NAME on PATH" if the call changes something, else empty.
std::string Describe(pid_t tid, const __ptrace_syscall_info& info) {
  const uint64_t number = info.entry.nr;
  const __uint64_t* const args = info.entry.args;
  constexpr uint64_t kChanging = O_CREAT | O_TRUNC;
  if (number == SYS_openat) return args[2] & kChanging ? "openat" : "";
#ifdef SYS_open
  if (number == SYS_open) return args[1] & kChanging ? "open" : "";
#endif
  for (const WriteCall& call : kWriteCalls) {
    if (number != static_cast<uint64_t>(call.number)) continue;
    if (call.about == About::kPath) return call.name;
    const std::string path =
        FileOf(tid, args[call.about == About::kFd0 ? 0 : 2]);
    return path.empty() ? "" : std::string(call.name) + " on " + path;
  }
  return "";
}

// True for calls that fail on a full disk. To open an existing file, to
// truncate and to remove need no room.
bool NeedsRoom(const std::string& what) {
  for (const char* call :
       {"write ", "pwrite64 ", "writev ", "pwritev", "sendfile ",
        "copy_file_range ", "splice ", "fallocate ", "fsync ", "fdatasync ",
        "mkdir", "open", "creat", "link", "symlink"}) {
    if (what.rfind(call, 0) == 0) return true;
  }
  return false;
}

// For a thread that is stopped at a system call: the call's number before it,
// and the call's result after it.
#if defined(__x86_64__)
void SetCallNumber(pid_t tid, long number) {
  ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, orig_rax), number);
}
void SetCallResult(pid_t tid, long result) {
  ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), result);
}
void SetThirdArgument(pid_t tid, unsigned long value) {
  ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rdx), value);
}
#elif defined(__aarch64__)
void SetCallNumber(pid_t tid, long number) {
  int value = static_cast<int>(number);
  iovec vector = {&value, sizeof(value)};
  ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &vector);
}
void SetCallResult(pid_t tid, long result) {
  user_regs_struct registers;
  iovec vector = {&registers, sizeof(registers)};
  ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector);
  registers.regs[0] = static_cast<unsigned long>(result);
  ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector);
}
void SetThirdArgument(pid_t tid, unsigned long value) {
  user_regs_struct registers;
  iovec vector = {&registers, sizeof(registers)};
  ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector);
  registers.regs[2] = value;
  ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector);
}
#else
#error "how is a system call changed here?"
#endif

}  // namespace

// Only one thread uses it, because the kernel reports a traced process to its
// tracing thread alone.
struct TracedProcess::Loop {
  Loop(TracedProcess* process, const KillPoint& point)
      : process(process), point(point), result(process->result_) {}

  void Run(const std::vector<std::string>& argv,
           const std::vector<std::string>& environment) {
    const int output = memfd_create("output", MFD_CLOEXEC);
    if (!Start(argv, environment, output)) {
      result.error = std::string("cannot be traced: ") + strerror(errno);
    } else {
      while (Turn()) {
      }
    }
    char buffer[4096];
    for (off_t at = 0;;) {
      const ssize_t n = pread(output, buffer, sizeof(buffer), at);
      if (n <= 0) break;
      result.output.append(buffer, n);
      at += n;
    }
    close(output);
  }

  bool Start(const std::vector<std::string>& argv,
             const std::vector<std::string>& environment, int output) {
    // All memory is allocated before the fork, because another thread may hold
    // the allocator's lock.
    const std::vector<char*> raw_argv = PointersTo(argv);
    const std::vector<char*> raw_environment = PointersTo(environment);
    root = fork();
    if (root < 0) return false;
    if (root == 0) {
      dup2(output, STDOUT_FILENO);
      dup2(output, STDERR_FILENO);
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      raise(SIGSTOP);
      execve(raw_argv[0], raw_argv.data(), raw_environment.data());
      _exit(127);
    }
    int status = 0;
    if (waitpid(root, &status, __WALL) != root || !WIFSTOPPED(status)) {
      return false;
    }
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                              PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, root, nullptr, kOptions) != 0) return false;
    groups.insert(root);
    process->pid_ = root;
    return ptrace(PTRACE_SYSCALL, root, nullptr, nullptr) == 0;
  }

  // Returns false once no process is left. Children of other threads are not
  // waited for.
  bool Turn() {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | __WNOTHREAD);
    if (tid < 0) return errno == EINTR;
    if (!WIFSTOPPED(status)) {
      groups.erase(tid);
      if (tid == root) {
        result.exit_code =
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      return true;
    }
    long deliver = 0;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      OnCall(tid);
    } else if (status >> 16 != 0) {
      OnEvent(tid, status >> 16);
    } else if (WSTOPSIG(status) != SIGSTOP) {  // SIGSTOP: a new thread
      deliver = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, tid, nullptr, deliver);
    return true;
  }

  void OnEvent(pid_t tid, int event) {
    if (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK) return;
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &child) == 0) {
      groups.insert(static_cast<pid_t>(child));
    }
  }

  void OnCall(pid_t tid) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (tid == killed_on_exit) KillAll();
      if (failing.erase(tid) > 0) SetCallResult(tid, -ENOSPC);
      return;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    const std::string what = Describe(tid, info);
    if (what.empty()) return;
    ++result.calls;
    if (point.side == KillPoint::kDiskFull) {
      if (result.calls >= point.call && NeedsRoom(what)) Fail(tid, what);
      return;
    }
    if (result.calls != point.call) return;
    result.at = what;
    if (point.side == KillPoint::kBefore) {
      KillAll();
    } else {
      constexpr uint64_t kPage = 4096;
      const uint64_t size = info.entry.args[2];
      if (point.side == KillPoint::kHalfway && info.entry.nr == SYS_pwrite64 &&
          size > kPage) {
        SetThirdArgument(tid, size / 2);
      }
      killed_on_exit = tid;
    }
  }

  void Fail(pid_t tid, const std::string& what) {
    if (!result.killed) result.at = what;
    result.killed = true;
    SetCallNumber(tid, -1);
    failing.insert(tid);
  }

  void KillAll() {
    result.killed = true;
    for (const pid_t group : groups) kill(group, SIGKILL);
  }

  TracedProcess* const process;
  const KillPoint point;
  TraceResult& result;
  pid_t root = 0;
  std::set<pid_t> groups;  // processes, named by their first thread
  pid_t killed_on_exit = 0;
  std::set<pid_t> failing;  // threads whose current call must fail
};

TracedProcess::TracedProcess(std::vector<std::string> argv,
                             TraceOptions options) {
  thread_ = std::thread([this, argv = std::move(argv), options] {
    std::vector<std::string> changes = options.environment;
    // LeakSanitizer traces its own process, and a process can have only one
    // tracer.
    changes.push_back("LSAN_OPTIONS=detect_leaks=0");
    Loop(this, options.point).Run(argv, EnvironmentWith(changes));
    done_ = true;
  });
  while (pid_ == 0 && !done_) std::this_thread::yield();
}

TracedProcess::~TracedProcess() { Wait(0); }

TraceResult TracedProcess::Wait(int seconds) {
  const auto limit =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!done_ && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const bool late = !done_;
  if (late) kill(pid_, SIGKILL);
  if (thread_.joinable()) thread_.join();
  if (late) result_.error = "did not end in time";
  return result_;
}

TraceResult RunTraced(std::vector<std::string> argv, TraceOptions options) {
  return TracedProcess(std::move(argv), std::move(options)).Wait();
}

}  // namespace btfd::tests
