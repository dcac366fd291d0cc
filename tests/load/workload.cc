// SPDX-License-Identifier: Apache-2.0
#include "tests/load/workload.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory_resource>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/pipeline.h"
#include "lib/util/status_macros.h"
#include "tests/support/module_input.h"
#include "tests/support/process.h"
#include "tests/support/profile_steps.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace {

v1::Steps StepsMessage(const engine::Steps& steps) {
  v1::Steps message;
  message.set_rebase(steps.rebase);
  message.set_kfuncs(static_cast<v1::KfuncSource>(steps.kfuncs));
  message.set_implicit_args(steps.implicit_args);
  message.set_kfunc_tags(steps.kfunc_tags);
  message.set_dedup(steps.dedup);
  message.set_distill(steps.distill);
  message.set_sort(steps.sort);
  message.set_resolve_ids(steps.resolve_ids);
  message.set_follow_resolved_ids(steps.follow_resolved_ids);
  message.set_new_header_size(steps.new_header_size);
  if (steps.encoded.has_value()) {
    message.set_encoded(
        static_cast<v1::EncodedBy>(1 + static_cast<int>(*steps.encoded)));
  }
  return message;
}

v1::IdsSection IdsMessage(const engine::IdsSection& ids) {
  v1::IdsSection message;
  message.set_content(ids.content);
  message.set_address(ids.address);
  message.set_big_endian(ids.foreign_endian);
  for (const engine::IdSymbol& symbol : ids.symbols) {
    v1::IdSymbol* const added = message.add_symbols();
    added->set_name(symbol.name);
    added->set_value(symbol.value);
    added->set_size(symbol.size);
  }
  return message;
}

template <typename Optional>
void AddPart(const Optional& part, util::DigestBuilder* digest) {
  digest->Add(uint64_t{part.has_value()});
  if (part.has_value()) digest->Add(*part);
}

util::Digest SignatureOfOutput(const engine::FinalizeOutput& output) {
  util::DigestBuilder digest;
  AddPart(output.btf, &digest);
  AddPart(output.btf_base, &digest);
  AddPart(output.btf_ids, &digest);
  for (const std::string& warning : output.warnings) digest.Add(warning);
  return digest.Finish();
}

// Makes the cases over one base.
class CaseMaker {
 public:
  CaseMaker(std::string name, std::string raw, Workload* workload)
      : name_(std::move(name)), digest_(util::Digest::Of(raw)) {
    auto base = btf::Base::Build(raw);
    if (base.ok()) base_ = *std::move(base);
    workload->bases.push_back(std::move(raw));
    workload_ = workload;
  }
  const btf::Base* base() const { return base_.get(); }

  absl::Status Add(const ModuleInput& module, const std::string& profile,
                   bool distill) {
    if (base_ == nullptr) return absl::InternalError("no base " + name_);
    const engine::Steps steps = StepsForProfile(profile, distill);
    engine::FinalizeInput input = module.ForEngine();
    input.base = base_.get();
    if (steps.dedup) {
      if (index_ == nullptr) {
        ASSIGN_OR_RETURN(index_, btf::DedupIndex::Build(*base_));
      }
      input.dedup_index = index_.get();
    }
    engine::FinalizeOutput output;
    std::pmr::monotonic_buffer_resource memory;
    RETURN_IF_ERROR(engine::Finalize(input, steps, &memory, &output));
    Case made;
    made.name = absl::StrCat(std::filesystem::path(module.path).stem().string(),
                             " over ", name_, " as ", profile,
                             distill ? " distilled" : "");
    made.path = module.path;
    v1::FinalizeRequest& request = made.request;
    request.mutable_base()->set_digest(std::string(digest_.binary()));
    request.set_btf(module.btf);
    request.set_distilled_base(module.distilled_base);
    if (module.ids.has_value())
      *request.mutable_ids() = IdsMessage(*module.ids);
    *request.mutable_steps() = StepsMessage(steps);
    made.expected = SignatureOfOutput(output);
    workload_->cases.push_back(std::move(made));
    return absl::OkStatus();
  }

 private:
  const std::string name_;
  const util::Digest digest_;
  std::shared_ptr<const btf::Base> base_;
  std::shared_ptr<const btf::DedupIndex> index_;
  Workload* workload_;
};

absl::Status AddSmall(int cases, Workload* workload) {
  btf::testing::BtfBuilder base;
  const btf::TypeId i32 = base.Int("int", 4);
  const btf::TypeId task = base.Struct("task_struct", 8, {{"pid", i32, 0}});
  base.Func("init", base.Proto(i32, {{"task", base.Ptr(task)}}));
  CaseMaker maker("a small base", base.Build(), workload);
  for (int i = 0; i < cases; ++i) {
    btf::testing::BtfBuilder split(base);
    const btf::TypeId own = split.Struct(absl::StrCat("own_", i), 8,
                                         {{"a", i32, 0}, {"b", i32, 32}});
    split.Func(absl::StrCat("function_", i),
               split.Proto(i32, {{"own", split.Ptr(own)}}));
    ModuleInput module;
    module.path = absl::StrCat("small", i);
    module.btf = split.Build();
    RETURN_IF_ERROR(maker.Add(module, i % 2 ? "7.2" : "7.3", i % 3 == 0));
    workload->cases.back().path.clear();
  }
  return absl::OkStatus();
}

absl::Status AddKernel(const std::string& series, size_t modules,
                       size_t max_bytes, Workload* workload) {
  ASSIGN_OR_RETURN(const Kernel kernel, FindKernel(series));
  const std::string raw = ReadFileOrEmpty(kernel.vmlinux_btf);
  CaseMaker maker(series, raw, workload);
  std::optional<CaseMaker> swapped;
  if (series == "6.12") {
    swapped.emplace(series + " swapped", btf::testing::SwapEndian(raw),
                    workload);
  }
  for (const std::string& path : SpreadBySize(kernel.modules, modules)) {
    ASSIGN_OR_RETURN(ModuleInput module, ReadModuleInput(path));
    if (module.btf.empty() || module.btf.size() > max_bytes) continue;
    for (const char* profile : {"6.x", "7.0", "7.2", "7.3"}) {
      const bool distill = profile[0] == '7';
      RETURN_IF_ERROR(maker.Add(module, profile, distill));
    }
    if (!swapped.has_value()) continue;
    module.btf = btf::testing::SwapEndian(module.btf);
    module.ids = std::nullopt;
    RETURN_IF_ERROR(swapped->Add(module, "7.2", true));
    RETURN_IF_ERROR(swapped->Add(module, "7.3", false));
    // These cases have no file: a client would need an ELF file in the other
    // byte order.
    for (int last : {1, 2}) {
      workload->cases[workload->cases.size() - last].path.clear();
    }
  }
  return absl::OkStatus();
}

}  // namespace

util::Digest SignatureOf(const v1::FinalizeResponse& response) {
  engine::FinalizeOutput output;
  if (response.has_btf()) output.btf = response.btf();
  if (response.has_btf_base()) output.btf_base = response.btf_base();
  if (response.has_btf_ids()) output.btf_ids = response.btf_ids();
  output.warnings.assign(response.warnings().begin(),
                         response.warnings().end());
  return SignatureOfOutput(output);
}

Workload SmallWorkload(int cases) {
  Workload workload;
  if (const absl::Status status = AddSmall(cases, &workload); !status.ok()) {
    std::cerr << status << std::endl;
    std::abort();
  }
  return workload;
}

std::string SpareBase() {
  btf::testing::BtfBuilder base;
  base.Struct("spare", 4, {{"a", base.Int("int", 4), 0}});
  return base.Build();
}

absl::StatusOr<Workload> MixedWorkload(size_t modules, size_t max_bytes) {
  Workload workload;
  RETURN_IF_ERROR(AddSmall(40, &workload));
  RETURN_IF_ERROR(AddKernel("6.12", modules, max_bytes, &workload));
  RETURN_IF_ERROR(AddKernel("7.2", modules, max_bytes, &workload));
  return workload;
}

}  // namespace btfd::tests
