// SPDX-License-Identifier: Apache-2.0
#include "client/request/module_request.h"

#include <vector>

#include "absl/strings/string_view.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

absl::Status FillBtf(const elf::ModuleFile& module,
                     v1::FinalizeRequest* request) {
  ASSIGN_OR_RETURN(const absl::string_view btf, module.BtfContent());
  request->set_btf(btf.data(), btf.size());
  if (!module.btf_base().has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const absl::string_view base, module.BtfBaseContent());
  request->set_distilled_base(base.data(), base.size());
  return absl::OkStatus();
}

absl::Status FillBtfFrom(const std::string& path,
                         v1::FinalizeRequest* request) {
  ASSIGN_OR_RETURN(const elf::BtfSource source, elf::ReadBtfSource(path));
  request->set_btf(source.btf.data(), source.btf.size());
  if (source.btf_base.has_value()) {
    request->set_distilled_base(source.btf_base->data(),
                                source.btf_base->size());
  }
  return absl::OkStatus();
}

absl::Status FillIds(const elf::ModuleFile& module, v1::IdsSection* ids) {
  ASSIGN_OR_RETURN(const std::vector<elf::IdSymbol> symbols,
                   module.IdSymbols());
  const elf::Section& section = *module.btf_ids();
  ids->set_content(section.content.data(), section.content.size());
  ids->set_address(section.header.sh_addr);
  ids->set_big_endian(module.form().big_endian);
  for (const elf::IdSymbol& symbol : symbols) {
    v1::IdSymbol* const sent = ids->add_symbols();
    sent->set_name(symbol.name.data(), symbol.name.size());
    sent->set_value(symbol.value);
    sent->set_size(symbol.size);
  }
  return absl::OkStatus();
}

}  // namespace

uint32_t HeaderSizeOf(absl::string_view btf) {
  constexpr size_t kAt = 4;
  constexpr uint32_t kOldest = 24;
  if (btf.size() < kAt + sizeof(uint32_t)) return kOldest;
  const auto size = util::LoadLittleEndian<uint32_t>(btf.data() + kAt);
  const bool little_endian = btf[0] == '\x9f';
  return (little_endian ? size : util::ByteSwap(size)) <= kOldest ? kOldest
                                                                  : 32;
}

bool StaysOverDistilledBase(const v1::FinalizeRequest& request) {
  const v1::Steps& steps = request.steps();
  const bool changes_btf = steps.rebase() || steps.dedup() || steps.distill() ||
                           steps.sort() ||
                           steps.encoded() != v1::Steps().encoded() ||
                           steps.kfuncs() != v1::Steps().kfuncs();
  return !request.distilled_base().empty() && steps.resolve_ids() &&
         !changes_btf && !steps.kernel_check();
}

absl::Status FillIdsOf(const elf::ModuleFile& module, IdsRule rule,
                       v1::FinalizeRequest* request) {
  if (module.has_ids() ||
      (module.btf_ids().has_value() && rule == IdsRule::kMustBeUsable)) {
    RETURN_IF_ERROR(FillIds(module, request->mutable_ids()));
  }
  return absl::OkStatus();
}

absl::Status FillModule(const elf::ModuleFile& module, IdsRule rule,
                        const std::optional<std::string>& btf_path,
                        v1::FinalizeRequest* request) {
  RETURN_IF_ERROR(FillIdsOf(module, rule, request));
  return btf_path.has_value() ? FillBtfFrom(*btf_path, request)
                              : FillBtf(module, request);
}

}  // namespace btfd::client
