// SPDX-License-Identifier: Apache-2.0
//
// A file's BTF, parsed in this process: what the commands that show and compare
// types work on.
#ifndef BTFD_CLIENT_REQUEST_LOADED_BTF_H_
#define BTFD_CLIENT_REQUEST_LOADED_BTF_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/elf/module_file.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"

namespace btfd::client {

// What a BTF is shown over.
struct Under {
  // Null: a file stands alone, or on its own .BTF.base.
  std::shared_ptr<const btf::Base> base;
  // Whether a file is relocated from its .BTF.base onto `base`, as the kernel
  // does it at load.
  bool relocate = false;
};

// Movable, not thread-safe.
class LoadedBtf {
 public:
  // Reads a module or vmlinux (ELF), raw BTF, either of them compressed, or a
  // boot image. Errors name the file:
  //   InvalidArgument     it is none of these, or its BTF is defective or does
  //                       not fit what it is to be shown over
  //   FailedPrecondition  it stands on its .BTF.base and is to be shown over
  //                       another base, or has none and is to be relocated
  // and what open(2) says.
  static absl::StatusOr<LoadedBtf> Read(const std::string& path,
                                        const Under& under);

  // The same for a module as `kernel` will have it: over it, relocated where it
  // has a .BTF.base.
  static absl::StatusOr<LoadedBtf> ReadModule(
      const std::string& path, std::shared_ptr<const btf::Base> kernel);

  // The same of what was read already.
  static absl::StatusOr<LoadedBtf> Parse(elf::BtfSource source,
                                         const std::string& path,
                                         const Under& under);

  const btf::Btf& btf() const { return *btf_; }
  // Of the raw BTF, and of what it stands on: what a budget is reckoned from.
  uint64_t input_bytes() const { return input_bytes_; }
  bool has_btf_base() const { return source_.btf_base.has_value(); }
  // Its .BTF_ids with their symbols, where it has both. InvalidArgument, with
  // the file, where these are defective.
  absl::StatusOr<std::optional<engine::IdsSection>> ids() const;

 private:
  LoadedBtf() = default;

  elf::BtfSource source_;
  std::shared_ptr<const btf::Base> base_;
  std::unique_ptr<util::Arena> arena_;
  std::unique_ptr<btf::Btf> btf_;  // in arena_, over base_
  uint64_t input_bytes_ = 0;
};

// The base that a file of any of these forms holds, indexed.
absl::StatusOr<std::shared_ptr<const btf::Base>> ReadBase(
    const std::string& path);
// The same of what was read already.
absl::StatusOr<std::shared_ptr<const btf::Base>> IndexBase(
    const elf::BtfSource& source, const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_LOADED_BTF_H_
