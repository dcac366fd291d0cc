// SPDX-License-Identifier: Apache-2.0
//
// libbpf resolves relocations inside bpf_object__load(), which needs a kernel
// that takes programs. The functions below do the work there; they are no part
// of its public headers, but of its library.
#include "tests/core/resolution.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>

#include <map>
#include <memory>

#include "absl/strings/str_cat.h"

extern "C" {
#include <relo_core.h>

int bpf_core_add_cands(struct bpf_core_cand* local_cand,
                       size_t local_essent_len, const struct btf* targ_btf,
                       const char* targ_btf_name, int targ_start_id,
                       struct bpf_core_cand_list* cands);
void bpf_core_free_cands(struct bpf_core_cand_list* cands);
}

namespace btfd::tests {

namespace {

struct FreeBtf {
  void operator()(struct btf* btf) const { btf__free(btf); }
};
using OwnBtf = std::unique_ptr<struct btf, FreeBtf>;

struct FreeCandidates {
  void operator()(bpf_core_cand_list* list) const { bpf_core_free_cands(list); }
};
using Candidates = std::unique_ptr<bpf_core_cand_list, FreeCandidates>;

OwnBtf Load(absl::string_view raw, struct btf* base) {
  const auto size = static_cast<__u32>(raw.size());
  OwnBtf btf(base ? btf__new_split(raw.data(), size, base)
                  : btf__new(raw.data(), size));
  if (btf == nullptr) {
    perror("libbpf refuses a BTF");
    abort();
  }
  return btf;
}

class Libbpf {
 public:
  Libbpf(absl::string_view program, absl::string_view kernel,
         absl::string_view module)
      : program_(Load(program, nullptr)), kernel_(Load(kernel, nullptr)) {
    btf__set_pointer_size(program_.get(), 8);
    if (!module.empty()) module_ = Load(module, kernel_.get());
  }

  OracleValue Resolve(const core::Relocation& relocation, int number);

 private:
  bpf_core_cand_list* Find(uint32_t type);

  OwnBtf program_;
  OwnBtf kernel_;
  OwnBtf module_;
  std::map<uint32_t, Candidates> candidates_;
};

bpf_core_cand_list* Libbpf::Find(uint32_t type) {
  Candidates& found = candidates_[type];
  if (found != nullptr) return found.get();
  found.reset(
      static_cast<bpf_core_cand_list*>(calloc(1, sizeof(bpf_core_cand_list))));
  bpf_core_cand local{program_.get(), type};
  const char* name = btf__name_by_offset(
      program_.get(), btf__type_by_id(program_.get(), type)->name_off);
  const size_t length = bpf_core_essential_name_len(name);
  bpf_core_add_cands(&local, length, kernel_.get(), "vmlinux", 1, found.get());
  if (found->len == 0 && module_ != nullptr) {
    bpf_core_add_cands(&local, length, module_.get(), "module",
                       static_cast<int>(btf__type_cnt(kernel_.get())),
                       found.get());
  }
  return found.get();
}

OracleValue Libbpf::Resolve(const core::Relocation& relocation, int number) {
  bpf_core_relo record{};
  record.insn_off = relocation.instruction;
  record.type_id = relocation.type;
  record.access_str_off = relocation.access;
  record.kind = static_cast<bpf_core_relo_kind>(relocation.kind);
  bpf_core_cand_list* const candidates =
      record.kind == BPF_CORE_TYPE_ID_LOCAL ? nullptr : Find(record.type_id);
  // Too large for a stack, and libbpf expects zeros.
  const auto specs = std::make_unique<bpf_core_spec[]>(3);
  bpf_core_relo_res result{};
  OracleValue value;
  value.error =
      bpf_core_calc_relo_insn("program", &record, number, program_.get(),
                              candidates, specs.get(), &result);
  if (value.error != 0) return value;
  value.value = result.new_val;
  value.poisoned = result.poison;
  if (record.kind == BPF_CORE_TYPE_ID_TARGET && specs[2].btf != nullptr) {
    const btf_type* type = btf__type_by_id(specs[2].btf, result.new_val);
    value.type_name = btf__name_by_offset(specs[2].btf, type->name_off);
    value.value = 0;
  }
  return value;
}

}  // namespace

std::vector<OracleValue> ResolveByLibbpf(absl::string_view btf,
                                         const core::Program& program,
                                         absl::string_view kernel,
                                         absl::string_view module) {
  libbpf_set_print(nullptr);
  Libbpf libbpf(btf, kernel, module);
  std::vector<OracleValue> values;
  for (const core::Relocation& relocation : program.relocations()) {
    values.push_back(
        libbpf.Resolve(relocation, static_cast<int>(values.size())));
  }
  return values;
}

std::string ToText(const OracleValue& value) {
  if (value.error != 0) return absl::StrCat("error ", value.error);
  if (value.poisoned) return "poisoned";
  return absl::StrCat(value.value, value.type_name.empty() ? "" : " ",
                      value.type_name);
}

}  // namespace btfd::tests
