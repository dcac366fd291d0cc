// SPDX-License-Identifier: Apache-2.0
//
// The stages, in their order; Pipeline::Run() is the list. Each stands in a
// file of its own and works on one Btf, which is parsed once and serialized
// once. All that is made on the way lies in the request's memory; what belongs
// to the base is only ever looked up.
#include "lib/engine/pipeline.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/string_index.h"
#include "lib/engine/annotate.h"
#include "lib/engine/btf_ids.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/interning_check.h"
#include "lib/engine/kernel_check/kernel_check.h"
#include "lib/engine/kernel_check/kfunc_sets.h"
#include "lib/engine/rebase.h"
#include "lib/engine/relocate.h"
#include "lib/engine/resolve.h"
#include "lib/engine/same_content.h"
#include "lib/engine/sort.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::engine {

namespace {

using btf::Base;
using btf::Btf;

// Every defect is the input's: one code for all, and a message that says in
// which section it is.
absl::Status Blame(absl::string_view section, const absl::Status& status) {
  const absl::string_view message = status.message();
  const bool has_place = absl::StartsWith(message, ".BTF") ||
                         absl::StartsWith(message, "base") ||
                         absl::StartsWith(message, "ERROR: resolve_btfids:");
  const std::string text =
      has_place ? std::string(message) : absl::StrCat(section, ": ", message);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return absl::InvalidArgumentError(text);
    default:
      return absl::Status(status.code(), text);
  }
}

// What reading a byte of a name counts for.
constexpr uint64_t kStepsPerNameByte = 16;

uint64_t SizeOf(const FinalizeInput& input) {
  uint64_t size = input.btf.size() + input.distilled_base.size();
  if (!input.ids.has_value()) return size;
  for (const IdSymbol& symbol : input.ids->symbols) {
    size += sizeof(symbol) + symbol.name.size();
  }
  return size + input.ids->content.size();
}

class Pipeline {
 public:
  Pipeline(const FinalizeInput& input, const Steps& steps,
           std::pmr::memory_resource* memory, FinalizeOutput* output)
      : input_(input),
        steps_(steps),
        memory_(memory),
        output_(output),
        work_(util::WorkBudget::ForInput(SizeOf(input))),
        kernel_rules_(steps.kernel_check ? KernelRulesOf(input.base)
                                         : KernelRules()) {}

  absl::Status Run() {
    RETURN_IF_ERROR(In(FailedIn::kBtf, CheckSteps()));
    if (steps_.base_names) {
      output_->base_names = NamesOf(*input_.base);
      return absl::OkStatus();
    }

    // Which words of .BTF_ids stand for what. The symbols are all that is
    // needed for it.
    RETURN_IF_ERROR(In(FailedIn::kIds, ReadIds()));

    // Most modules of 6.x end here: there are no ids, and nothing else is
    // asked.
    if (!ids_.has_value() && !ChangesBtf() && !steps_.kernel_check) {
      return absl::OkStatus();
    }

    // The BTF comes as a split over its base; or over a distilled base; or
    // standalone; or as an encoder left it. The kernel check is of what came,
    // as the kernel would load it: before anything is changed.
    if (HasDistilledBase()) {
      RETURN_IF_ERROR(In(FailedIn::kDistilledBase, LoadDistilledBase()));
      RETURN_IF_ERROR(In(FailedIn::kDistilledBase, CheckDistilledBase()));
    }
    RETURN_IF_ERROR(In(FailedIn::kBtf, LoadBtf()));
    RETURN_IF_ERROR(In(FailedIn::kBtf, CheckBtf()));
    RETURN_IF_ERROR(In(FailedIn::kIds, CheckKfuncs()));
    RETURN_IF_ERROR(In(FailedIn::kIds, FollowResolvedIds()));

    // A split over a distilled base is relocated, a standalone BTF is put over
    // the base, and a residue becomes what pahole would have written. From here
    // on, ids and strings are those of `input_.base`, if there is one.
    if (HasDistilledBase()) {
      RETURN_IF_ERROR(In(FailedIn::kDistilledBase, RelocateToBase()));
    }
    if (steps_.rebase) RETURN_IF_ERROR(In(FailedIn::kBtf, PutOverBase()));
    if (steps_.encoded) RETURN_IF_ERROR(FinishEncoding());
    RETURN_IF_ERROR(In(FailedIn::kBtf, Annotate()));

    // Beyond this point no new strings.
    if (steps_.dedup) RETURN_IF_ERROR(In(FailedIn::kBtf, Deduplicate()));

    // Beyond this point no new types, but for those that distilling takes over
    // from the base. It lays them out in their order at once.
    if (Distills()) {
      RETURN_IF_ERROR(In(FailedIn::kBtf, DistillBase()));
    } else if (steps_.sort) {
      RETURN_IF_ERROR(In(FailedIn::kBtf, SortByName(btf_)));
    }

    // Beyond this point ids are final.
    if (steps_.resolve_ids) RETURN_IF_ERROR(In(FailedIn::kIds, ResolveIds()));
    WriteBtf();
    return absl::OkStatus();
  }

  uint64_t work() const { return work_.spent(); }

 private:
  bool HasDistilledBase() const { return !input_.distilled_base.empty(); }
  bool Distills() const { return steps_.distill && input_.base != nullptr; }
  // Though there may be a base.
  bool ComesStandalone() const { return steps_.rebase || steps_.encoded; }
  bool ChangesBtf() const {
    return ComesStandalone() || steps_.kfuncs != KfuncSource::kNone ||
           steps_.dedup || Distills() || steps_.sort;
  }

  absl::Status In(FailedIn where, const absl::Status& status) {
    if (status.ok()) return status;
    output_->failed_in = where;
    return Blame(where == FailedIn::kIds             ? ".BTF_ids"
                 : where == FailedIn::kDistilledBase ? ".BTF.base"
                                                     : ".BTF",
                 status);
  }

  // Of an encoder's residue nothing has been finished, and so nothing of it can
  // be judged, or followed, or be over a base already.
  absl::Status CheckSteps() const {
    if (steps_.interned_forwards &&
        (!steps_.encoded || input_.base == nullptr)) {
      return absl::InvalidArgumentError(
          "only an encoder's residue that gets a base can be interned");
    }
    if (steps_.base_names && input_.base == nullptr) {
      return absl::InvalidArgumentError(
          "there is no base whose names are asked for");
    }
    if (!steps_.encoded) return absl::OkStatus();
    if (steps_.rebase || steps_.kernel_check || steps_.follow_resolved_ids ||
        !input_.distilled_base.empty()) {
      return absl::InvalidArgumentError(
          "an encoder's residue can neither be rebased, nor judged by the "
          "kernel's rules, nor have resolved ids or a distilled base");
    }
    return absl::OkStatus();
  }

  absl::Status ReadIds() {
    const bool needed = steps_.resolve_ids || steps_.kernel_check ||
                        steps_.kfuncs != KfuncSource::kNone;
    if (!needed || !input_.ids.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(ids_, BtfIds::Parse(*input_.ids, memory_, &work_));
    return absl::OkStatus();
  }

  absl::Status LoadDistilledBase() {
    if (steps_.rebase) {
      return absl::InvalidArgumentError(
          "a BTF that has a distilled base cannot be put over another base");
    }
    ASSIGN_OR_RETURN(distilled_btf_, Btf::Parse(input_.distilled_base, nullptr,
                                                ".BTF.base", memory_));
    ASSIGN_OR_RETURN(distilled_, Base::FromBtf(*distilled_btf_));
    return absl::OkStatus();
  }

  absl::Status CheckDistilledBase() {
    return CheckAsKernel(input_.distilled_base, *distilled_btf_, ".BTF.base");
  }

  absl::Status LoadBtf() {
    const Base* base = HasDistilledBase()  ? distilled_.get()
                       : ComesStandalone() ? nullptr
                                           : input_.base;
    ASSIGN_OR_RETURN(loaded_, Btf::Parse(input_.btf, base, ".BTF", memory_));
    btf_ = &*loaded_;
    output_->types_in = btf_->own_count();
    return CheckNames();
  }

  absl::Status CheckBtf() { return CheckAsKernel(input_.btf, *btf_, ".BTF"); }

  absl::Status CheckAsKernel(absl::string_view raw, const Btf& btf,
                             absl::string_view what) {
    if (!steps_.kernel_check) return absl::OkStatus();
    RETURN_IF_ERROR(KernelCheck(raw, btf, kernel_rules_, what));
    output_->kernel_checked =
        output_->kernel_checked.value_or(0) + btf.own_count();
    return absl::OkStatus();
  }

  absl::Status CheckKfuncs() {
    if (!steps_.kernel_check || !ids_.has_value()) return absl::OkStatus();
    return KernelCheckKfuncs(*ids_, *btf_, input_.base, kernel_rules_);
  }

  absl::Status FollowResolvedIds() {
    if (!steps_.follow_resolved_ids || !ids_.has_value()) {
      return absl::OkStatus();
    }
    return ids_->FollowResolvedSets(*btf_);
  }

  absl::Status RelocateToBase() {
    if (input_.base == nullptr) return absl::OkStatus();
    return Relocate(btf_, *input_.base, &work_);
  }

  // A text that ends as another does can be its end. Of n bytes that makes n
  // names of n bytes, which dedup and distill would write out one by one.
  absl::Status CheckNames() {
    const bool base_has =
        btf_->base() != nullptr && btf_->base()->has_long_texts();
    if (!base_has &&
        !btf::HasLongTexts(btf_->own_strings(), btf::kTextWindow)) {
      return absl::OkStatus();
    }
    const uint32_t begin = base_has ? 0 : btf_->parent().str_len;
    for (btf::TypeId id = btf_->first_id(); id < btf_->end_id(); ++id) {
      btf::ForEachStringField(btf_->own_type(id), [&](uint32_t offset) {
        if (offset < begin || work_.exhausted()) return;
        work_.Spend(kStepsPerNameByte * strlen(btf_->string(offset)));
      });
      if (work_.exhausted()) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "the names of types up to ", id,
            " are many times longer than the strings that they are in"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PutOverBase() {
    if (input_.base == nullptr) {
      return absl::InvalidArgumentError("there is no base to put it over");
    }
    ASSIGN_OR_RETURN(Btf split,
                     Rebase(*loaded_, *input_.base, steps_.new_header_size));
    loaded_ = std::move(split);
    btf_ = &*loaded_;
    return Deduplicate();
  }

  absl::Status FinishEncoding() {
    std::optional<InterningCheck> check;
    if (steps_.interned_forwards) {
      check.emplace(*input_.base, memory_);
      RETURN_IF_ERROR(
          In(FailedIn::kBtf,
             check->ReadForwards(*btf_, *steps_.interned_forwards)));
    }
    RETURN_IF_ERROR(In(FailedIn::kBtf, PutResidueOverBase()));
    if (check) {
      RETURN_IF_ERROR(In(FailedIn::kInterning, check->CheckResult(*btf_)));
    }
    return absl::OkStatus();
  }

  absl::Status PutResidueOverBase() {
    const LibbpfRules rules = *steps_.encoded;
    ASSIGN_OR_RETURN(Btf made, AddResidue(*loaded_, input_.base,
                                          dedup::RulesOf(rules).header_size));
    loaded_ = std::move(made);
    btf_ = &*loaded_;
    DedupOptions options;
    options.rules = rules;
    options.keep_strings = true;
    return Deduplicate(options);
  }

  absl::Status Annotate() {
    if (!ids_.has_value()) return absl::OkStatus();
    return AnnotateKfuncs(steps_, btf_, &*ids_, &output_->warnings);
  }

  absl::Status Deduplicate(DedupOptions options = DedupOptions()) {
    options.work = &work_;
    if (btf_->base() == nullptr) {
      return Dedup(btf_, nullptr, nullptr, options);
    }
    if (btf_->base() == input_.base) {
      if (input_.dedup_index == nullptr) {
        return absl::InternalError("dedup needs the candidates of the base");
      }
      return Dedup(btf_, input_.dedup_index, nullptr, options);
    }
    // Over a distilled base that comes with the module alone: a small one.
    ASSIGN_OR_RETURN(const auto index, btf::DedupIndex::Build(*btf_->base()));
    return Dedup(btf_, index.get(), nullptr, options);
  }

  absl::Status DistillBase() {
    RETURN_IF_ERROR(Distill(*btf_, steps_.new_header_size, steps_.sort,
                            &new_base_, &new_split_));
    btf_ = &*new_split_;
    return absl::OkStatus();
  }

  absl::Status ResolveIds() {
    if (!ids_.has_value()) return absl::OkStatus();
    ResolveNames(*btf_, &*ids_, &output_->warnings);
    RETURN_IF_ERROR(ids_->Patch(&output_->warnings));
    if (ids_->size() != 0) output_->btf_ids = ids_->Content();
    return absl::OkStatus();
  }

  void WriteBtf() {
    output_->types_out = btf_->own_count();
    if (!ChangesBtf()) return;
    btf_->Serialize(&output_->btf.emplace());
    if (new_base_.has_value()) {
      new_base_->Serialize(&output_->btf_base.emplace());
    }
    if (steps_.follow_resolved_ids) KeepInputIfSame();
  }

  // Dedup and distill lay strings out in the order of the types as they come,
  // so the second time, when those are sorted, in another order than the first
  // time. Where that is all that has changed, nothing has.
  void KeepInputIfSame() {
    const bool was_distilled = distilled_ != nullptr;
    const bool is_distilled = btf_->base() != input_.base;
    if (ComesStandalone() || was_distilled != is_distilled ||
        output_->btf->size() != input_.btf.size() ||
        *output_->btf == input_.btf) {
      return;
    }
    if (new_base_.has_value() && *output_->btf_base != input_.distilled_base) {
      return;
    }
    const Base* base = was_distilled ? distilled_.get() : input_.base;
    const absl::StatusOr<Btf> before =
        Btf::Parse(input_.btf, base, ".BTF", memory_);
    if (before.ok() && SameContent(*before, *btf_)) {
      *output_->btf = std::string(input_.btf);
    }
  }

  const FinalizeInput& input_;
  const Steps& steps_;
  std::pmr::memory_resource* const memory_;
  FinalizeOutput* const output_;
  util::WorkBudget work_;
  const KernelRules kernel_rules_;  // of the base; for kernel_check alone

  std::optional<BtfIds> ids_;
  // The distilled base that came with the module.
  std::optional<Btf> distilled_btf_;
  std::shared_ptr<const Base> distilled_;
  std::optional<Btf> loaded_;
  // That Distill() has made. The split points into the base.
  std::optional<Btf> new_base_;
  std::optional<Btf> new_split_;
  Btf* btf_ = nullptr;  // one of loaded_ and new_split_
};

}  // namespace

absl::Status Finalize(const FinalizeInput& input, const Steps& steps,
                      std::pmr::memory_resource* memory,
                      FinalizeOutput* output) {
  Pipeline pipeline(input, steps, memory, output);
  const absl::Status status = pipeline.Run();
  output->work = pipeline.work();
  return status;
}

}  // namespace btfd::engine
