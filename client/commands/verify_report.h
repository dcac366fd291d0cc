// SPDX-License-Identifier: Apache-2.0
//
// What `btfc verify` found, as lines or as JSON.
#ifndef BTFD_CLIENT_COMMANDS_VERIFY_REPORT_H_
#define BTFD_CLIENT_COMMANDS_VERIFY_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace btfd::client {

// The result for one module and one base.
struct VerifyFinding {
  std::string module;
  std::string base;   // empty: the module could not be read
  std::string owner;  // who brought the module; empty: nobody asked
  bool has_btf = true;
  bool distilled = false;
  uint32_t types = 0;
  uint32_t kernel_checked = 0;  // types checked by the kernel's rules
  absl::Status status;
};

// Failures go to stderr, all else to stdout. Not thread-safe.
class VerifyReport {
 public:
  // kEach says a line of each module; kFailures, for many modules, says how
  // many there were of each kind in the end.
  enum class Form { kEach, kFailures, kJson };
  explicit VerifyReport(Form form) : form_(form) {}

  void Add(const VerifyFinding& finding);
  // Prints the summary.
  void Finish(size_t modules, size_t bases) const;

  size_t failed() const { return failed_; }
  size_t without_btf() const { return without_btf_; }

 private:
  const Form form_;
  size_t checks_ = 0;
  size_t failed_ = 0;
  size_t without_btf_ = 0;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_VERIFY_REPORT_H_
