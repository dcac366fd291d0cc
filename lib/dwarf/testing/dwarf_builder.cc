// SPDX-License-Identifier: Apache-2.0
#include "lib/dwarf/testing/dwarf_builder.h"

#include <cassert>
#include <cstring>

namespace btfd::dwarf {

namespace {

void Uleb(uint64_t value, std::string* out) {
  do {
    const uint8_t byte = value & 0x7f;
    value >>= 7;
    out->push_back(static_cast<char>(value != 0 ? byte | 0x80 : byte));
  } while (value != 0);
}

template <typename T>
void Fixed(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

BuiltAttribute Text(uint16_t attribute, std::string text) {
  return {attribute, kFormStrp, 0, std::move(text)};
}
BuiltAttribute Number(uint16_t attribute, uint64_t number) {
  return {attribute, kFormUdata, number, ""};
}
BuiltAttribute Flag(uint16_t attribute) {
  return {attribute, kFormFlagPresent, 0, ""};
}
BuiltAttribute Location(uint16_t attribute, std::string expression) {
  return {attribute, kFormExprloc, 0, std::move(expression)};
}
BuiltAttribute To(uint16_t attribute, std::string label) {
  return {attribute, kFormRef4, 0, std::move(label)};
}
BuiltAttribute Address(uint16_t attribute, uint64_t address) {
  return {attribute, kFormAddr, address, ""};
}

void DwarfBuilder::BeginUnit(uint16_t language, std::string producer) {
  unit_ = info_.size();
  labels_.clear();
  codes_ = 0;
  Fixed<uint32_t>(0, &info_);  // length, set by EndUnit()
  Fixed<uint16_t>(5, &info_);
  Fixed<uint8_t>(kUtCompile, &info_);
  Fixed<uint8_t>(8, &info_);
  Fixed<uint32_t>(static_cast<uint32_t>(abbrev_.size()), &info_);
  Begin(kTagCompileUnit, {Number(kAtLanguage, language),
                          Text(kAtProducer, std::move(producer))});
}

void DwarfBuilder::EndUnit() {
  End();
  abbrev_.push_back('\0');
  const uint32_t length = static_cast<uint32_t>(info_.size() - unit_ - 4);
  memcpy(&info_[unit_], &length, 4);
  for (const auto& [place, label] : references_) {
    const auto found = labels_.find(label);
    assert(found != labels_.end());
    memcpy(&info_[place], &found->second, 4);
  }
  references_.clear();
}

void DwarfBuilder::Die(uint16_t tag,
                       const std::vector<BuiltAttribute>& attributes,
                       const std::string& label, bool has_children) {
  if (!label.empty()) {
    labels_[label] = static_cast<uint32_t>(info_.size() - unit_);
  }
  Uleb(++codes_, &abbrev_);
  Uleb(tag, &abbrev_);
  abbrev_.push_back(has_children ? 1 : 0);
  Uleb(codes_, &info_);
  for (const BuiltAttribute& attribute : attributes) {
    Uleb(attribute.attribute, &abbrev_);
    Uleb(attribute.form, &abbrev_);
    switch (attribute.form) {
      case kFormStrp: {
        const auto [known, is_new] =
            texts_.insert({attribute.text, static_cast<uint32_t>(str_.size())});
        if (is_new) str_.append(attribute.text).push_back('\0');
        Fixed<uint32_t>(known->second, &info_);
        break;
      }
      case kFormUdata:
        Uleb(attribute.number, &info_);
        break;
      case kFormExprloc:
        Uleb(attribute.text.size(), &info_);
        info_.append(attribute.text);
        break;
      case kFormRef4:
        references_.emplace_back(info_.size(), attribute.text);
        Fixed<uint32_t>(0, &info_);
        break;
      case kFormAddr:
        Fixed<uint64_t>(attribute.number, &info_);
        break;
      case kFormData1:
        Fixed<uint8_t>(attribute.number, &info_);
        break;
      case kFormData2:
        Fixed<uint16_t>(attribute.number, &info_);
        break;
      case kFormData4:
        Fixed<uint32_t>(attribute.number, &info_);
        break;
      case kFormImplicitConst:
        // As SLEB: the bit below the sign is not to be taken for one.
        Uleb(attribute.number & 0x3f, &abbrev_);
        break;
      case kFormString:
        info_.append(attribute.text).push_back('\0');
        break;
      default:
        break;
    }
  }
  abbrev_.append(2, '\0');
}

void DwarfBuilder::Begin(uint16_t tag,
                         const std::vector<BuiltAttribute>& attributes,
                         const std::string& label) {
  Die(tag, attributes, label, true);
}

void DwarfBuilder::End() { info_.push_back('\0'); }

void DwarfBuilder::Leaf(uint16_t tag,
                        const std::vector<BuiltAttribute>& attributes,
                        const std::string& label) {
  Die(tag, attributes, label, false);
}

std::string DwarfBuilder::Build() {
  elf_.AddSection(".debug_info", info_);
  elf_.AddSection(".debug_abbrev", abbrev_);
  elf_.AddSection(".debug_str", str_);
  return elf_.Build();
}

}  // namespace btfd::dwarf
