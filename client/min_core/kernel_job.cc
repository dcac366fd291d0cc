// SPDX-License-Identifier: Apache-2.0
#include "client/min_core/kernel_job.h"

#include <memory>
#include <memory_resource>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/request/loaded_btf.h"
#include "lib/btf/base.h"
#include "lib/btf/plain_types.h"
#include "lib/core/min_core.h"
#include "lib/elf/bpf_object.h"
#include "lib/elf/module_file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The message, with the path before it.
absl::Status In(const std::string& path, const absl::Status& status) {
  if (status.ok() || absl::StrContains(status.message(), path)) return status;
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

// 0 where no ELF header says it.
uint32_t PointerSize(const elf::BtfSource& source) {
  if (!source.file.has_value()) return 0;
  return source.file->form().is_64bit ? 8 : 4;
}

// A kernel's types, with an index if there are modules to be parsed over them.
class KernelTypes {
 public:
  static absl::StatusOr<KernelTypes> Parse(const elf::BtfSource& source,
                                           const std::string& path,
                                           bool for_modules) {
    KernelTypes types;
    bool dangling;
    if (for_modules) {
      auto base = btf::Base::Build(source.btf, ".BTF");
      if (!base.ok()) return In(path, base.status());
      types.base_ = *std::move(base);
      dangling = types.base_->has_dangling_ids();
    } else {
      auto plain = btf::PlainTypes::Parse(source.btf, ".BTF");
      if (!plain.ok()) return In(path, plain.status());
      types.plain_.emplace(*std::move(plain));
      dangling = types.plain_->has_dangling_ids();
    }
    if (dangling) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": .BTF: a type refers to one that does not exist"));
    }
    return types;
  }

  std::unique_ptr<core::MinCore> Start(uint32_t pointer_size) const {
    return base_ != nullptr
               ? std::make_unique<core::MinCore>(*base_, pointer_size)
               : std::make_unique<core::MinCore>(*plain_, pointer_size);
  }
  const std::shared_ptr<const btf::Base>& base() const { return base_; }

 private:
  KernelTypes() = default;

  std::shared_ptr<const btf::Base> base_;
  std::optional<btf::PlainTypes> plain_;
};

// A module on its own .BTF.base.
absl::StatusOr<std::string> MinimizeDistilled(
    const elf::BtfSource& source, const std::string& path,
    const std::vector<NamedProgram>& programs) {
  const auto base = btf::Base::Build(*source.btf_base, ".BTF.base");
  if (!base.ok()) return In(path, base.status());
  const auto module = btf::Btf::Parse(source.btf, base->get(), ".BTF",
                                      std::pmr::new_delete_resource());
  if (!module.ok()) return In(path, module.status());
  if ((*base)->has_dangling_ids() || module->has_dangling_ids()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a type refers to one that does not exist"));
  }
  std::vector<const core::Program*> list;
  for (const NamedProgram& named : programs) list.push_back(&named.program);
  auto bytes = core::MinimizeAsOne(*module, PointerSize(source), list);
  if (!bytes.ok()) return In(path, bytes.status());
  return bytes;
}

// The files of one MinCore.
class Outputs {
 public:
  Outputs(const KernelJob& job, const OutputFiles& files, KernelResult* result)
      : job_(job), files_(files), result_(result) {}

  void Write(const core::MinCore& min_core, const std::string& stem) {
    const absl::StatusOr<core::MinimizedBtf> minimized = min_core.Write();
    if (!minimized.ok()) return Fail(minimized.status());
    WriteFile(stem + ".btf", minimized->kernel);
    for (size_t i = 0; i < minimized->modules.size(); ++i) {
      WriteFile(absl::StrCat(stem, "/", job_.module_names[i], ".btf"),
                minimized->modules[i]);
    }
  }
  void Fail(const absl::Status& status) {
    result_->errors.push_back(In(job_.kernel, status));
  }

 private:
  void WriteFile(const std::string& path, const std::string& bytes) {
    const absl::Status status = files_.Write(path, bytes);
    if (!status.ok()) return Fail(status);
    result_->bytes_out += bytes.size();
    ++result_->files;
  }

  const KernelJob& job_;
  const OutputFiles& files_;
  KernelResult* const result_;
};

}  // namespace

absl::StatusOr<core::Program> ReadProgram(const std::string& path) {
  ASSIGN_OR_RETURN(const elf::BpfObject object, elf::ReadBpfObject(path));
  return core::Program::Parse(path, object.btf, object.btf_ext,
                              object.pointer_size);
}

absl::StatusOr<std::string> MinimizeFile(
    const std::string& kernel, const ReadKernel& read,
    const std::vector<NamedProgram>& programs) {
  ASSIGN_OR_RETURN(const elf::BtfSource source, read(kernel));
  if (source.btf_base.has_value()) {
    return MinimizeDistilled(source, kernel, programs);
  }
  ASSIGN_OR_RETURN(const KernelTypes types,
                   KernelTypes::Parse(source, kernel, /*for_modules=*/false));
  const auto min_core = types.Start(PointerSize(source));
  for (const NamedProgram& named : programs) {
    RETURN_IF_ERROR(In(kernel, min_core->AddProgram(named.program)));
  }
  absl::StatusOr<core::MinimizedBtf> minimized = min_core->Write();
  if (!minimized.ok()) return In(kernel, minimized.status());
  return std::move(minimized->kernel);
}

KernelResult RunKernelJob(const KernelJob& job, const ReadKernel& read,
                          const std::vector<NamedProgram>& programs,
                          const OutputFiles& files) {
  KernelResult result;
  Outputs outputs(job, files, &result);
  const absl::StatusOr<elf::BtfSource> source = read(job.kernel);
  if (!source.ok()) {
    outputs.Fail(source.status());
    return result;
  }
  const absl::StatusOr<KernelTypes> kernel =
      KernelTypes::Parse(*source, job.kernel, !job.modules.empty());
  if (!kernel.ok()) {
    outputs.Fail(kernel.status());
    return result;
  }
  result.bytes_in = source->btf.size();
  const auto min_core = kernel->Start(PointerSize(*source));
  std::vector<LoadedBtf> modules;
  modules.reserve(job.modules.size());
  for (const std::string& path : job.modules) {
    absl::StatusOr<LoadedBtf> module =
        LoadedBtf::ReadModule(path, kernel->base());
    if (!module.ok()) {
      outputs.Fail(module.status());
      return result;
    }
    result.bytes_in += module->input_bytes();
    modules.push_back(*std::move(module));
    const absl::Status added = min_core->AddModule(path, modules.back().btf());
    if (!added.ok()) {
      outputs.Fail(added);
      return result;
    }
  }
  for (const NamedProgram& named : programs) {
    const absl::Status added = min_core->AddProgram(named.program);
    if (!added.ok()) outputs.Fail(added);
    if (!job.each_program) continue;
    if (added.ok()) {
      outputs.Write(*min_core, absl::StrCat(job.stem, "/", named.name));
    }
    min_core->Clear();
  }
  // An output that lacks a program's types is of no use.
  if (!job.each_program && result.errors.empty()) {
    outputs.Write(*min_core, job.stem);
  }
  return result;
}

}  // namespace btfd::client
