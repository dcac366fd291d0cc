// SPDX-License-Identifier: Apache-2.0
//
// A program's relocations are resolved one by one, and what each fits is
// marked. In the kernel that is the first candidate that fits, as bpftool does
// it. In a module it is every one: which of them counts may depend on
// relocations that find theirs elsewhere.
//
// A kernel type of the right name keeps libbpf from looking into modules, also
// where it does not fit. So such a one stays, if there are modules.
//
// Cutting down may also make a type fit that did not: of a typedef of a pointer
// to a function, kept because a member is of that type, a pointer to void is
// left, which fits a program's typedef of such a pointer. So what did not fit
// is kept as if it had. (bpftool does not; for kernels alone its bytes count.)
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

// Without void, which not every table has a record for.
uint64_t SizeOf(const btf::TypeTable& table) {
  const uint64_t words = table.offsets[table.end] - table.offsets[1];
  return words * 4 + table.str_len;
}

uint64_t SizeOf(const btf::Btf& btf) {
  return btf.words().size() * 4 + btf.own_strings().size();
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

// Sees to it that what a question about a type did not fit will not fit it
// afterwards either.
absl::Status KeepMisfits(const Relocation& relocation,
                         const Resolution& resolution, Marker* marker) {
  if (!IsAboutType(relocation.kind)) return absl::OkStatus();
  for (const TypeId misfit : resolution.misfits) {
    Access whole;
    whole.root = misfit;
    RETURN_IF_ERROR(marker->Mark(relocation.kind, whole));
  }
  return absl::OkStatus();
}

}  // namespace

MinCore::MinCore(const btf::Base& kernel, uint32_t pointer_size)
    : kernel_(&kernel),
      kernel_bytes_(SizeOf(kernel.table())),
      work_(new util::WorkBudget(0)),
      space_(kernel, pointer_size, work_.get()) {
  const auto names = std::make_shared<BaseCandidates>(kernel, work_.get());
  find_ = [names](btf::Kind kind, absl::string_view name) {
    return names->Find(kind, name);
  };
}

MinCore::MinCore(const btf::PlainTypes& kernel, uint32_t pointer_size)
    : kernel_(nullptr),
      kernel_bytes_(SizeOf(kernel.table())),
      work_(new util::WorkBudget(0)),
      space_(kernel, pointer_size, work_.get()) {
  const auto names = std::make_shared<NameIndex>(space_, 1);
  find_ = [names](btf::Kind kind, absl::string_view name) {
    return names->Find(kind, name);
  };
}

util::WorkBudget MinCore::Budget(uint64_t more) const {
  for (const auto& module : modules_) more += SizeOf(module->btf);
  return util::WorkBudget::ForInput(kernel_bytes_ + more);
}

absl::Status MinCore::AddModule(const std::string& name,
                                const btf::Btf& module) {
  if (kernel_ == nullptr || module.base() != kernel_) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": it is not over this kernel's BTF"));
  }
  if (module.has_dangling_ids()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": a type refers to one that does not exist"));
  }
  modules_.push_back(std::make_unique<Module>(
      name, module, space_.pointer_size(), work_.get()));
  return absl::OkStatus();
}

absl::Status MinCore::AddToKernel(const Program& program,
                                  const TypeSpace& local,
                                  std::vector<bool>* in_kernel) {
  Resolver resolver(program, local, space_, find_);
  Marker marker(space_, space_.end(), &marks_, nullptr);
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
    if (!modules_.empty()) {
      RETURN_IF_ERROR(KeepMisfits(relocation, resolution, &marker));
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
                      return module->names.Find(kind, name);
                    });
  Marker marker(module->space, space_.end(), &marks_, &module->marks);
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
    RETURN_IF_ERROR(KeepMisfits(relocation, *resolution, &marker));
    for (const Access& match : resolution->matches) {
      RETURN_IF_ERROR(marker.Mark(relocation.kind, match));
    }
  }
  return absl::OkStatus();
}

absl::Status MinCore::AddProgram(const Program& program) {
  *work_ = Budget(program.size());
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

absl::StatusOr<MinimizedBtf> MinCore::Write() const {
  *work_ = Budget(0);
  MinimizedBtf minimized;
  btf::Btf kernel = NewBtf({});
  MinimizedWriter writer(space_, {}, &kernel);
  RETURN_IF_ERROR(writer.Add(marks_));
  writer.Finish();
  minimized.kernel = Bytes(kernel);
  for (const auto& module : modules_) {
    btf::Btf split = NewBtf(kernel.AsParent());
    MinimizedWriter split_writer(module->space, writer.ids(), &split);
    RETURN_IF_ERROR(split_writer.Add(module->marks));
    split_writer.Finish();
    minimized.modules.push_back(Bytes(split));
  }
  return minimized;
}

absl::StatusOr<std::string> MinimizeAsOne(
    const btf::Btf& module, uint32_t pointer_size,
    const std::vector<const Program*>& programs) {
  const btf::Base& base = *module.base();
  const uint64_t size = SizeOf(base.table()) + SizeOf(module);
  util::WorkBudget work = util::WorkBudget::ForInput(size);
  const TypeSpace space(module, pointer_size, &work);
  BaseCandidates base_candidates(base, &work);
  NameIndex own_candidates(space, module.first_id());
  const auto find = [&](btf::Kind kind, absl::string_view name) {
    std::vector<TypeId> ids = base_candidates.Find(kind, name);
    const std::vector<TypeId> own = own_candidates.Find(kind, name);
    ids.insert(ids.end(), own.begin(), own.end());
    return ids;
  };
  Marks base_marks, own_marks;
  Marker marker(space, base.end_id(), &base_marks, &own_marks);
  for (const Program* program : programs) {
    work = util::WorkBudget::ForInput(size + program->size());
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
  work = util::WorkBudget::ForInput(size);
  RETURN_IF_ERROR(writer.Add(base_marks));
  RETURN_IF_ERROR(writer.Add(own_marks));
  writer.Finish();
  return Bytes(out);
}

}  // namespace btfd::core
