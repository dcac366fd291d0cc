// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/cost.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace btfd::tests {

namespace {

// Fits a pipe in one write.
struct Report {
  int code;
  uint64_t work;
  double seconds;
  uint64_t peak_bytes;
  char message[512];
};

double ProcessorSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + time.tv_usec * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The memory that is resident now, or at most so far, in bytes.
uint64_t Resident(const char* field) {
  uint64_t kilobytes = 0;
  std::FILE* status = std::fopen("/proc/self/status", "r");
  char line[256];
  while (status != nullptr && std::fgets(line, sizeof(line), status)) {
    if (std::strncmp(line, field, std::strlen(field)) == 0) {
      kilobytes = std::strtoull(line + std::strlen(field) + 1, nullptr, 10);
    }
  }
  if (status != nullptr) std::fclose(status);
  return kilobytes * 1024;
}

[[noreturn]] void RunChild(const std::function<Outcome()>& operation, int to) {
  // Resets the peak.
  if (std::FILE* clear = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", clear);
    std::fclose(clear);
  }
  const uint64_t before = Resident("VmRSS");
  const double start = ProcessorSeconds();
  const Outcome outcome = operation();
  Report report{};
  report.seconds = ProcessorSeconds() - start;
  const uint64_t peak = Resident("VmHWM");
  report.peak_bytes = peak > before ? peak - before : 0;
  report.code = static_cast<int>(outcome.status.code());
  report.work = outcome.work;
  const std::string message(outcome.status.message());
  std::strncpy(report.message, message.c_str(), sizeof(report.message) - 1);
  const bool written = write(to, &report, sizeof(report)) == sizeof(report);
  _exit(written ? 0 : 1);
}

}  // namespace

Cost Measure(const std::function<Outcome()>& operation) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t pid = fork();
  if (pid == 0) RunChild(operation, ends[1]);
  close(ends[1]);
  Report report{};
  const bool read_all =
      read(ends[0], &report, sizeof(report)) == sizeof(report);
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!read_all || status != 0) {
    std::fprintf(stderr, "the operation ended with status %d\n", status);
    std::abort();
  }
  Cost cost;
  cost.code = static_cast<absl::StatusCode>(report.code);
  cost.message = report.message;
  cost.work = report.work;
  cost.seconds = report.seconds;
  cost.peak_bytes = report.peak_bytes;
  return cost;
}

}  // namespace btfd::tests
