// SPDX-License-Identifier: Apache-2.0
//
// Strings: the own section is written anew with what the types use, in the
// order of first use, each text once, and without what the base has. A name
// offset is looked up by its text once; later uses of the same offset are
// answered from a table by offset.
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/string_hash.h"
#include "lib/btf/string_index.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

constexpr uint32_t kNotSeen = 0xffffffff;

class StringPass {
 public:
  explicit StringPass(btf::Btf* btf)
      : btf_(btf),
        own_begin_(btf->parent().str_len),
        moved_(btf->own_strings().size(), kNotSeen, btf->memory()),
        strings_(btf->memory()),
        index_(btf->memory()) {
    if (btf->base() == nullptr) strings_.push_back('\0');
    index_.Build({});
  }

  // Precondition: offset != 0.
  uint32_t Move(uint32_t offset) {
    uint32_t& moved = moved_[offset - own_begin_];
    if (moved == kNotSeen) moved = Place(btf_->string(offset));
    return moved;
  }

  void Finish() { btf_->ReplaceOwnStrings(std::move(strings_)); }

 private:
  uint32_t Place(absl::string_view text) {
    if (text.empty()) return 0;
    const uint64_t hash = btf::HashString(text);
    if (btf_->base() != nullptr) {
      const auto in_base = btf_->base()->FindString(text, hash);
      if (in_base.has_value()) return *in_base;
    }
    const auto known = index_.Find(strings_, text, hash);
    if (known.has_value()) return own_begin_ + *known;
    const auto offset = static_cast<uint32_t>(strings_.size());
    strings_.append(text.data(), text.size());
    strings_.push_back('\0');
    index_.Add(strings_, offset, hash);
    return own_begin_ + offset;
  }

  btf::Btf* btf_;
  uint32_t own_begin_;
  std::pmr::vector<uint32_t> moved_;  // by old offset in the own section
  std::pmr::string strings_;
  btf::StringIndex index_;
};

}  // namespace

absl::Status DedupStrings(btf::Btf* btf) {
  if (btf->own_strings().empty()) return absl::OkStatus();
  const uint32_t own_begin = btf->parent().str_len;
  const bool base_readable =
      btf->base() == nullptr || btf->base()->modifiable();
  StringPass pass(btf);
  Types types(btf);
  bool refused = false;
  for (TypeId id = types.first(); id < types.end(); ++id) {
    btf::ForEachStringField(types.own(id), [&](uint32_t& offset) {
      if (offset == 0 || offset < own_begin) return;
      refused |= !base_readable;
      offset = pass.Move(offset);
    });
  }
  if (refused) {
    return absl::FailedPreconditionError(
        "dedup: the base's header has content that is not known, so its "
        "strings cannot be looked up");
  }
  pass.Finish();
  return absl::OkStatus();
}

}  // namespace btfd::engine::dedup
