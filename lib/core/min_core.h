// SPDX-License-Identifier: Apache-2.0
//
// BTF cut down to what the CO-RE relocations of BPF programs need, so that it
// can be shipped with them to kernels that have no BTF of their own: what
// bpftool's `gen min_core_btf` makes, with its bytes, and beyond it that of
// modules as split BTF over their kernel's.
//
// Bytes in, bytes out: no files, no clock. The same programs, added in any
// order, give the same bytes.
#ifndef BTFD_LIB_CORE_MIN_CORE_H_
#define BTFD_LIB_CORE_MIN_CORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/plain_types.h"
#include "lib/core/candidates.h"
#include "lib/core/marks.h"
#include "lib/core/program.h"
#include "lib/core/resolve.h"
#include "lib/core/type_space.h"
#include "lib/util/work_budget.h"

namespace btfd::core {

// A minimized kernel, and its modules in the order of AddModule(). All is in
// this machine's byte order, which libbpf reads wherever it is.
struct MinimizedBtf {
  std::string kernel;
  std::vector<std::string> modules;
};

// One kernel. Not thread-safe; the Base, modules and programs that are handed
// in are not changed, may be shared, and must outlive it.
class MinCore {
 public:
  // `pointer_size` is that of the kernel's ELF file, 0 where that is not known.
  // Ids must not dangle (has_dangling_ids()).
  MinCore(const btf::Base& kernel, uint32_t pointer_size);
  // The same for a kernel without an index, which is made in a third of the
  // time. It takes no modules.
  MinCore(const btf::PlainTypes& kernel, uint32_t pointer_size);
  MinCore(const MinCore&) = delete;
  MinCore& operator=(const MinCore&) = delete;

  // A module's split BTF over the kernel. As libbpf does it, types are looked
  // for in the kernel, and in modules if the kernel has none of the name; each
  // module is taken as the only one that is loaded. All modules come before the
  // first program. InvalidArgument, if `module` is over another base or refers
  // to what does not exist; `name` is what messages call it.
  absl::Status AddModule(const std::string& name, const btf::Btf& module);

  // Marks what the program needs. Errors as of Resolver::Resolve(); what was
  // marked before the error stays marked.
  absl::Status AddProgram(const Program& program);

  // Forgets the programs, not the kernel and its modules: for the next output.
  void Clear();

  // Precondition: the errors of AddProgram() were heeded. ResourceExhausted
  // where names are so long, by being each other's ends, that the result would
  // be out of proportion.
  absl::StatusOr<MinimizedBtf> Write() const;

 private:
  struct Module {
    Module(const std::string& path, const btf::Btf& module,
           uint32_t pointer_size, util::WorkBudget* work)
        : name(path),
          btf(module),
          space(module, pointer_size, work),
          names(space, module.first_id()) {}

    const std::string name;
    const btf::Btf& btf;
    const TypeSpace space;
    NameIndex names;
    Marks marks;
  };

  // For what is done to the kernel and its modules with `more` bytes of input.
  util::WorkBudget Budget(uint64_t more) const;
  absl::Status AddToKernel(const Program& program, const TypeSpace& local,
                           std::vector<bool>* in_kernel);
  absl::Status AddToModule(const Program& program, const TypeSpace& local,
                           const std::vector<bool>& in_kernel, Module* module);

  const btf::Base* const kernel_;  // null: no index
  const uint64_t kernel_bytes_;
  const std::unique_ptr<util::WorkBudget> work_;
  const TypeSpace space_;
  Resolver::Find find_;
  Marks marks_;
  std::vector<std::unique_ptr<Module>> modules_;
};

// A module with its distilled base, without the kernel, as one BTF: what
// bpftool makes of such a module's file. `module` is over a Base.
absl::StatusOr<std::string> MinimizeAsOne(
    const btf::Btf& module, uint32_t pointer_size,
    const std::vector<const Program*>& programs);

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_MIN_CORE_H_
