// SPDX-License-Identifier: Apache-2.0
#include "client/request/loaded_btf.h"

#include <elf.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/elf/any_btf.h"
#include "lib/engine/relocate.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::client {

namespace {

absl::Status In(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

// A module without .BTF.base does not parse alone: its ids begin behind those
// of the vmlinux it was made with.
bool IsModule(const elf::BtfSource& source) {
  return source.file.has_value() && source.file->header().e_type == ET_REL;
}

absl::Status CheckUnder(const elf::BtfSource& source, const std::string& path,
                        const Under& under) {
  if (under.base == nullptr || under.relocate == source.btf_base.has_value()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path, under.relocate
                ? ": has no .BTF.base to be relocated from; --base shows it "
                  "over the base it was made with"
                : ": its BTF stands on its own .BTF.base; --relocate shows it "
                  "over another base"));
}

}  // namespace

absl::StatusOr<LoadedBtf> LoadedBtf::Read(const std::string& path,
                                          const Under& under) {
  ASSIGN_OR_RETURN(elf::BtfSource source, elf::ReadAnyBtf(path));
  return Parse(std::move(source), path, under);
}

absl::StatusOr<LoadedBtf> LoadedBtf::ReadModule(
    const std::string& path, std::shared_ptr<const btf::Base> kernel) {
  ASSIGN_OR_RETURN(elf::BtfSource source, elf::ReadAnyBtf(path));
  const bool is_distilled = source.btf_base.has_value();
  return Parse(std::move(source), path, {std::move(kernel), is_distilled});
}

absl::StatusOr<LoadedBtf> LoadedBtf::Parse(elf::BtfSource source_of_file,
                                           const std::string& path,
                                           const Under& under) {
  LoadedBtf loaded;
  loaded.source_ = std::move(source_of_file);
  const elf::BtfSource& source = loaded.source_;
  RETURN_IF_ERROR(CheckUnder(source, path, under));
  loaded.base_ = under.base;
  loaded.input_bytes_ = source.btf.size();
  if (source.btf_base.has_value()) {
    auto distilled = btf::Base::Build(*source.btf_base, ".BTF.base");
    if (!distilled.ok()) return In(path, distilled.status());
    loaded.base_ = *std::move(distilled);
    loaded.input_bytes_ += source.btf_base->size();
  }
  loaded.arena_ = std::make_unique<util::Arena>();
  absl::StatusOr<btf::Btf> btf = btf::Btf::Parse(source.btf, loaded.base_.get(),
                                                 ".BTF", loaded.arena_.get());
  if (!btf.ok()) {
    return In(path,
              loaded.base_ == nullptr && IsModule(source)
                  ? absl::InvalidArgumentError(absl::StrCat(
                        btf.status().message(),
                        "; a module's BTF stands on that of the vmlinux it "
                        "was made with: name it by --base"))
                  : btf.status());
  }
  loaded.btf_ = std::make_unique<btf::Btf>(*std::move(btf));
  if (under.base != nullptr && under.relocate) {
    util::WorkBudget work = util::WorkBudget::ForInput(loaded.input_bytes_);
    const absl::Status relocated =
        engine::Relocate(loaded.btf_.get(), *under.base, &work);
    if (!relocated.ok()) return In(path, relocated);
    loaded.base_ = under.base;
  }
  if (loaded.base_ != nullptr) {
    loaded.input_bytes_ += loaded.base_->blob().size();
  }
  return loaded;
}

absl::StatusOr<std::optional<engine::IdsSection>> LoadedBtf::ids() const {
  std::optional<engine::IdsSection> ids;
  if (!source_.file.has_value() || !source_.file->has_ids()) return ids;
  const elf::ModuleFile& file = *source_.file;
  ASSIGN_OR_RETURN(const std::vector<elf::IdSymbol> symbols, file.IdSymbols());
  ids.emplace();
  ids->content = std::string(file.btf_ids()->content);
  ids->address = file.btf_ids()->header.sh_addr;
  ids->foreign_endian = file.form().big_endian != util::kHostIsBigEndian;
  for (const elf::IdSymbol& symbol : symbols) {
    ids->symbols.push_back(
        {std::string(symbol.name), symbol.value, symbol.size});
  }
  return ids;
}

absl::StatusOr<std::shared_ptr<const btf::Base>> ReadBase(
    const std::string& path) {
  ASSIGN_OR_RETURN(const elf::BtfSource source, elf::ReadAnyBtf(path));
  return IndexBase(source, path);
}

absl::StatusOr<std::shared_ptr<const btf::Base>> IndexBase(
    const elf::BtfSource& source, const std::string& path) {
  absl::StatusOr<std::shared_ptr<const btf::Base>> base =
      btf::Base::Build(source.btf);
  if (!base.ok()) return In(path, base.status());
  return base;
}

}  // namespace btfd::client
