// SPDX-License-Identifier: Apache-2.0
//
// The BTF that is being made: records and strings in the order in which they
// are added, checked as libbpf's functions that add types check them.
#ifndef BTFD_LIB_ENCODE_BUILDER_H_
#define BTFD_LIB_ENCODE_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/format.h"
#include "lib/encode/names.h"

namespace btfd::encode {

// The id of a type among those that were added; 0 is void.
using BtfId = uint32_t;

// Not thread-safe.
class Builder {
 public:
  // `names` must outlive it.
  explicit Builder(const NameTable* names) : names_(*names) {
    strings_.push_back('\0');
    places_.push_back(0);
  }

  // The next id that Add() gives.
  BtfId next_id() const { return static_cast<BtfId>(places_.size()); }
  // Adds a record and gives its id. Its tail, if it has one, follows by Tail().
  BtfId Add(btf::Kind kind, NameId name, uint32_t size_or_type,
            uint32_t vlen = 0, bool kflag = false) {
    places_.push_back(static_cast<uint32_t>(words_.size()));
    words_.push_back(String(name));
    words_.push_back(btf::MakeInfo(kind, vlen, kflag));
    words_.push_back(size_or_type);
    return next_id() - 1;
  }
  void Tail(uint32_t word) { words_.push_back(word); }
  // The offset of a text, which is added if it is new.
  uint32_t String(NameId name) {
    if (name == 0) return 0;
    if (name >= offsets_.size()) offsets_.resize(names_.size(), 0);
    uint32_t& offset = offsets_[name];
    if (offset == 0) offset = AddString(name);
    return offset;
  }
  void SetKflag(BtfId id) { words_[places_[id] + 1] |= 1u << 31; }

  // Valid until the next Add() or Tail().
  const btf::TypeRecord& record(BtfId id) const {
    return *reinterpret_cast<const btf::TypeRecord*>(&words_[places_[id]]);
  }
  // The text at an offset of the strings.
  absl::string_view text(uint32_t offset) const {
    return strings_.c_str() + offset;
  }
  // The sizes fit the format.
  absl::Status CheckSize() const;
  // A whole BTF with the classic header, in the byte order that is asked for.
  std::string Serialize(bool big_endian) const;

 private:
  uint32_t AddString(NameId name);

  const NameTable& names_;
  std::vector<uint32_t> words_;
  std::vector<uint32_t> places_;   // of each id in words_
  std::vector<uint32_t> offsets_;  // of each name in strings_; 0: not there
  std::string strings_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_BUILDER_H_
