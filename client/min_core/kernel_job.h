// SPDX-License-Identifier: Apache-2.0
//
// One kernel with its modules, read, minimized for programs, and written.
#ifndef BTFD_CLIENT_MIN_CORE_KERNEL_JOB_H_
#define BTFD_CLIENT_MIN_CORE_KERNEL_JOB_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/min_core/output_files.h"
#include "lib/core/program.h"
#include "lib/elf/any_btf.h"

namespace btfd::client {

// A program and what outputs that are its own are called.
struct NamedProgram {
  core::Program program;
  std::string name;
};

// Reads an object file. Errors name it, the section and the offset.
absl::StatusOr<core::Program> ReadProgram(const std::string& path);

// Reads the BTF that an argument names. Thread-safe.
using ReadKernel =
    std::function<absl::StatusOr<elf::BtfSource>(const std::string& name)>;

// The BTF of `kernel` for all programs together. A module with its .BTF.base is
// minimized with that, as one BTF. Errors name the file.
absl::StatusOr<std::string> MinimizeFile(
    const std::string& kernel, const ReadKernel& read,
    const std::vector<NamedProgram>& programs);

struct KernelJob {
  std::string kernel;                // as ReadKernel takes it
  std::vector<std::string> modules;  // paths
  // Without ending. The kernel's output is STEM.btf, that of a module
  // STEM/NAME.btf; with an output for each program STEM/PROGRAM.btf and
  // STEM/PROGRAM/NAME.btf.
  std::string stem;
  std::vector<std::string> module_names;
  bool each_program = false;
};

struct KernelResult {
  // The first error; what is beyond it was tried as well.
  std::vector<absl::Status> errors;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  size_t files = 0;
};

// Thread-safe.
KernelResult RunKernelJob(const KernelJob& job, const ReadKernel& read,
                          const std::vector<NamedProgram>& programs,
                          const OutputFiles& files);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_MIN_CORE_KERNEL_JOB_H_
