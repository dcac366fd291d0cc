// SPDX-License-Identifier: Apache-2.0
//
// A program's relocations are resolved one by one, and what each fits is
// marked. In the kernel that is the first candidate that fits, as bpftool does
// it. In a module it is every one: which of them counts may depend on
// relocations that find theirs elsewhere.
//
// A kernel type of the right name keeps libbpf from looking into modules, also
// where it does not fit. So such a one stays, if there are modules.
#include "lib/core/min_core.h"

#include <memory_resource>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/minimized_writer.h"
#include "lib/core/resolve.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::TypeId;

namespace {

util::WorkBudget BudgetFor(const btf::Base& base, uint64_t more) {
  return util::WorkBudget::ForInput(base.blob().size() + more);
}

// A local type's own relocation needs no kernel, but must be one.
absl::Status CheckLocal(const Program& program, const TypeSpace& local,
                        const Relocation& relocation) {
  const absl::StatusOr<Access> access = ParseAccess(local, relocation);
  if (access.ok()) return absl::OkStatus();
  return program.BadRelocation(relocation, access.status().message());
}

btf::Btf NewBtf(const btf::TypeTable& parent) {
  return btf::Btf(parent, nullptr, btf::kExtendedHeaderSize,
                  /*foreign_endian=*/false, std::pmr::new_delete_resource());
}

std::string Bytes(const btf::Btf& btf) {
  std::string bytes;
  btf.Serialize(&bytes);
  return bytes;
}

}  // namespace

MinCore::MinCore(const btf::Base& kernel, uint32_t pointer_size)
    : kernel_(kernel),
      work_(new util::WorkBudget(BudgetFor(kernel, 0))),
      space_(kernel, pointer_size, work_.get()),
      candidates_(kernel, work_.get()) {}

absl::Status MinCore::AddModule(const std::string& name,
                                const btf::Btf& module) {
  if (module.base() != &kernel_) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": it is not over this kernel's BTF"));
  }
  if (module.has_dangling_ids()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": a type refers to one that does not exist"));
  }
  modules_.emplace_back(new Module{
      name, &module, TypeSpace(module, space_.pointer_size(), work_.get()),
      ModuleCandidates(module), Marks()});
  return absl::OkStatus();
}

absl::Status MinCore::AddToKernel(const Program& program,
                                  const TypeSpace& local,
                                  std::vector<bool>* in_kernel) {
  Resolver resolver(program, local, space_,
                    [this](btf::Kind kind, absl::string_view name) {
                      return candidates_.Find(kind, name);
                    });
  Marker marker(space_, kernel_.end_id(), &marks_, nullptr);
  std::vector<bool> kept(program.types().end_id());
  for (const Relocation& relocation : program.relocations()) {
    if (relocation.kind == RelocationKind::kTypeIdLocal) {
      RETURN_IF_ERROR(CheckLocal(program, local, relocation));
      continue;
    }
    ASSIGN_OR_RETURN(const Resolution resolution, resolver.Resolve(relocation));
    if (!resolver.Candidates(relocation.type).empty()) {
      (*in_kernel)[relocation.type] = true;
    }
    if (resolution.matches.empty()) continue;
    kept[relocation.type] = true;
    RETURN_IF_ERROR(marker.Mark(relocation.kind, resolution.matches[0]));
  }
  if (modules_.empty()) return absl::OkStatus();
  for (TypeId type = 0; type < kept.size(); ++type) {
    if (!(*in_kernel)[type] || kept[type]) continue;
    Access whole;
    whole.root = resolver.Candidates(type)[0];
    RETURN_IF_ERROR(marker.Mark(RelocationKind::kTypeExists, whole));
  }
  return absl::OkStatus();
}

absl::Status MinCore::AddToModule(const Program& program,
                                  const TypeSpace& local,
                                  const std::vector<bool>& in_kernel,
                                  Module* module) {
  Resolver resolver(program, local, module->space,
                    [module](btf::Kind kind, absl::string_view name) {
                      return module->candidates.Find(kind, name);
                    });
  Marker marker(module->space, kernel_.end_id(), &marks_, &module->marks);
  for (const Relocation& relocation : program.relocations()) {
    if (relocation.kind == RelocationKind::kTypeIdLocal ||
        in_kernel[relocation.type]) {
      continue;
    }
    const absl::StatusOr<Resolution> resolution = resolver.Resolve(relocation);
    if (!resolution.ok()) {
      return absl::Status(
          resolution.status().code(),
          absl::StrCat(resolution.status().message(), ", in ", module->name));
    }
    for (const Access& match : resolution->matches) {
      RETURN_IF_ERROR(marker.Mark(relocation.kind, match));
    }
  }
  return absl::OkStatus();
}

absl::Status MinCore::AddProgram(const Program& program) {
  uint64_t module_bytes = 0;
  for (const auto& module : modules_) {
    module_bytes += module->btf->words().size() * 4;
  }
  *work_ = BudgetFor(kernel_, program.size() + module_bytes);
  const TypeSpace local(program.types(), program.pointer_size(), work_.get());
  std::vector<bool> in_kernel(program.types().end_id());
  RETURN_IF_ERROR(AddToKernel(program, local, &in_kernel));
  for (const auto& module : modules_) {
    RETURN_IF_ERROR(AddToModule(program, local, in_kernel, module.get()));
  }
  return absl::OkStatus();
}

void MinCore::Clear() {
  marks_ = Marks();
  for (const auto& module : modules_) module->marks = Marks();
}

MinimizedBtf MinCore::Write() const {
  MinimizedBtf minimized;
  btf::Btf kernel = NewBtf({});
  MinimizedWriter writer(space_, {}, &kernel);
  writer.Add(marks_);
  writer.Finish();
  minimized.kernel = Bytes(kernel);
  for (const auto& module : modules_) {
    btf::Btf split = NewBtf(kernel.AsParent());
    MinimizedWriter split_writer(module->space, writer.ids(), &split);
    split_writer.Add(module->marks);
    split_writer.Finish();
    minimized.modules.push_back(Bytes(split));
  }
  return minimized;
}

absl::StatusOr<std::string> MinimizeAsOne(
    const btf::Btf& module, uint32_t pointer_size,
    const std::vector<const Program*>& programs) {
  const btf::Base& base = *module.base();
  util::WorkBudget work = BudgetFor(base, module.words().size() * 4);
  const TypeSpace space(module, pointer_size, &work);
  BaseCandidates base_candidates(base, &work);
  ModuleCandidates own_candidates(module);
  const auto find = [&](btf::Kind kind, absl::string_view name) {
    std::vector<TypeId> ids = base_candidates.Find(kind, name);
    const std::vector<TypeId> own = own_candidates.Find(kind, name);
    ids.insert(ids.end(), own.begin(), own.end());
    return ids;
  };
  Marks base_marks, own_marks;
  Marker marker(space, base.end_id(), &base_marks, &own_marks);
  for (const Program* program : programs) {
    work = BudgetFor(base, module.words().size() * 4 + program->size());
    const TypeSpace local(program->types(), program->pointer_size(), &work);
    Resolver resolver(*program, local, space, find);
    for (const Relocation& relocation : program->relocations()) {
      if (relocation.kind == RelocationKind::kTypeIdLocal) {
        RETURN_IF_ERROR(CheckLocal(*program, local, relocation));
        continue;
      }
      ASSIGN_OR_RETURN(const Resolution resolution,
                       resolver.Resolve(relocation));
      if (resolution.matches.empty()) continue;
      RETURN_IF_ERROR(marker.Mark(relocation.kind, resolution.matches[0]));
    }
  }
  btf::Btf out = NewBtf({});
  MinimizedWriter writer(space, {}, &out);
  writer.Add(base_marks);
  writer.Add(own_marks);
  writer.Finish();
  return Bytes(out);
}

}  // namespace btfd::core
