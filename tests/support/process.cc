// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

namespace btfd::tests {

namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      read_end = ends[0];
      write_end = ends[1];
    }
  }
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  void CloseRead() { Close(&read_end); }
  void CloseWrite() { Close(&write_end); }

 private:
  static void Close(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
};

// Runs after fork(). Another thread may have held the allocator's lock then, so
// nothing is allocated here.
[[noreturn]] void Exec(char** argv, char** environment, const char* directory) {
  environ = environment;  // execvp() also takes PATH from it
  if (*directory == '\0' || chdir(directory) == 0) execvp(argv[0], argv);
  dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

// Opens a file for appending; -1 if that fails.
int OpenForAppending(const std::string& path) {
  if (path.empty()) return -1;
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// Moves bytes in both directions until the program has closed its ends.
void Pump(const std::string& input, Pipe* in, Pipe* out, Pipe* err,
          ProcessResult* result) {
  size_t written = 0;
  if (input.empty()) in->CloseWrite();
  while (out->read_end >= 0 || err->read_end >= 0) {
    pollfd fds[] = {{out->read_end, POLLIN, 0},
                    {err->read_end, POLLIN, 0},
                    {in->write_end, POLLOUT, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) return;
    char buffer[65536];
    if (fds[0].revents != 0) {
      const ssize_t n = read(out->read_end, buffer, sizeof(buffer));
      if (n > 0) result->out.append(buffer, n);
      if (n <= 0) out->CloseRead();
    }
    if (fds[1].revents != 0) {
      const ssize_t n = read(err->read_end, buffer, sizeof(buffer));
      if (n > 0) result->err.append(buffer, n);
      if (n <= 0) err->CloseRead();
    }
    if (fds[2].revents != 0) {
      const ssize_t n =
          write(in->write_end, input.data() + written, input.size() - written);
      if (n > 0) written += n;
      if (n <= 0 || written == input.size()) in->CloseWrite();
    }
  }
}

}  // namespace

std::vector<std::string> EnvironmentWith(
    const std::vector<std::string>& changes) {
  std::map<std::string, std::string> entries;  // by name
  const auto name = [](const std::string& entry) {
    return entry.substr(0, entry.find('='));
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    entries[name(*entry)] = *entry;
  }
  for (const std::string& change : changes) {
    if (change.find('=') == std::string::npos) {
      entries.erase(change);
    } else {
      entries[name(change)] = change;
    }
  }
  std::vector<std::string> environment;
  for (auto& entry : entries) environment.push_back(std::move(entry.second));
  return environment;
}

std::vector<char*> PointersTo(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Spawn(const std::vector<std::string>& argv, const SpawnOptions& options) {
  const std::vector<std::string> environment =
      EnvironmentWith(options.environment);
  std::vector<char*> raw_environment = PointersTo(environment);
  std::vector<char*> raw_argv = PointersTo(argv);
  const int out = OpenForAppending(options.out);
  const int err = OpenForAppending(options.err);
  const pid_t pid = fork();
  if (pid == 0) {
    if (out >= 0) dup2(out, STDOUT_FILENO);
    if (err >= 0) dup2(err, STDERR_FILENO);
    if (options.in_child) options.in_child(raw_environment.data());
    Exec(raw_argv.data(), raw_environment.data(), options.directory.c_str());
  }
  if (out >= 0) close(out);
  if (err >= 0) close(err);
  return pid;
}

void SetToOwnPid(char** environment, const char* name) {
  const size_t length = strlen(name);
  for (; *environment != nullptr; ++environment) {
    char* const value = *environment + length + 1;
    if (strncmp(*environment, name, length) != 0 || value[-1] != '=') continue;
    pid_t pid = getpid();
    for (char* digit = value + strlen(value); digit != value; pid /= 10) {
      *--digit = static_cast<char>('0' + pid % 10);
    }
  }
}

ProcessResult RunProcess(const std::vector<std::string>& argv,
                         const ProcessOptions& options) {
  ProcessResult result;
  Pipe in, out, err;
  const std::vector<std::string> environment =
      EnvironmentWith(options.environment);
  std::vector<char*> raw_environment = PointersTo(environment);
  std::vector<char*> raw_argv = PointersTo(argv);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(in.read_end, STDIN_FILENO);
    dup2(out.write_end, STDOUT_FILENO);
    dup2(err.write_end, STDERR_FILENO);
    Exec(raw_argv.data(), raw_environment.data(), options.directory.c_str());
  }
  in.CloseRead();
  out.CloseWrite();
  err.CloseWrite();
  signal(SIGPIPE, SIG_IGN);
  Pump(options.input, &in, &out, &err, &result);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

ScratchDir::ScratchDir()
    : ScratchDir([] {
        const char* base = std::getenv("TEST_TMPDIR");
        return std::string(base && *base ? base : "/tmp");
      }()) {}

ScratchDir::ScratchDir(const std::string& parent) {
  std::string pattern = parent + "/scratch.XXXXXX";
  path_ = mkdtemp(pattern.data()) ? pattern : "";
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string ReadFileOrEmpty(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace btfd::tests
