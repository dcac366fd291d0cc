// SPDX-License-Identifier: Apache-2.0
//
// libbpf as Debian's suites ship it, the one that each pahole deduplicates
// with: a server program of our own (libbpf_server.c), run by that suite's own
// loader with that suite's own libraries.
#ifndef BTFD_TESTS_ORACLE_SHIPPED_SHIPPED_LIBBPF_H_
#define BTFD_TESTS_ORACLE_SHIPPED_SHIPPED_LIBBPF_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::tests {

class ShippedLibbpf {
 public:
  enum class Verdict {
    kDone,
    kRefused,  // by an error
    kEndless,  // came to no end in time
    kCrashed,
  };
  struct Result {
    Verdict verdict = Verdict::kCrashed;
    std::string btf;
    std::string distilled_base;  // where it was asked for
  };
  struct Request {
    // Raw; null: none.
    const std::string* base = nullptr;
    absl::string_view btf;
    // `btf` is standalone: each of its strings, then its types are added to an
    // empty BTF over the base, as pahole does it. Else it is parsed.
    bool encode = false;
    bool distill = false;  // after deduplication
    uint32_t milliseconds = 500;
  };

  // `version` is "1.1" (of pahole 1.24, the machine's own), "1.5" (of 1.30) or
  // "1.7" (of 1.32). NotFound, with what to run, where it is missing. To be
  // called from the workspace's root, as Bazel runs tests.
  static absl::StatusOr<std::unique_ptr<ShippedLibbpf>> Start(
      const std::string& version);
  ~ShippedLibbpf();
  ShippedLibbpf(const ShippedLibbpf&) = delete;
  ShippedLibbpf& operator=(const ShippedLibbpf&) = delete;

  // Deduplicates. A server that has crashed is started again.
  Result Dedup(const Request& request);

 private:
  explicit ShippedLibbpf(std::vector<std::string> argv);
  absl::Status StartServer();
  void StopServer();
  bool Ask(const Request& request, Result* result);

  const std::vector<std::string> argv_;
  int pid_ = -1;
  int to_server_ = -1;
  int from_server_ = -1;
  std::string base_;  // that the server has
  bool has_base_ = false;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ORACLE_SHIPPED_SHIPPED_LIBBPF_H_
