// SPDX-License-Identifier: Apache-2.0
//
// Writes raw BTF for tests, type by type:
//
//   BtfBuilder base;
//   const TypeId i32 = base.Int("int", 4);
//   BtfBuilder split(base);
//   split.Struct("foo", 8, {{"a", i32, 0}, {"next", split.Ptr(...), 32}});
//   const std::string raw = split.Build();
//
// It checks nothing, so that tests can also write malformed BTF. Type ids are
// given in the order of the calls; next_id() + n is the id of a later type. A
// builder of split BTF copies what it needs of its base when it is constructed.
#ifndef BTFD_LIB_BTF_TESTING_BUILDER_H_
#define BTFD_LIB_BTF_TESTING_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/format.h"

namespace btfd::btf::testing {

// A text that is put into the strings, or an offset that is used as it is.
class Name {
 public:
  Name(const char* text) : text_(text) {}             // NOLINT
  Name(std::string text) : text_(std::move(text)) {}  // NOLINT
  static Name At(uint32_t offset) { return Name(offset, 0); }

 private:
  friend class BtfBuilder;
  Name(uint32_t offset, int) : explicit_(true), offset_(offset) {}
  std::string text_;
  bool explicit_ = false;
  uint32_t offset_ = 0;
};

struct MemberSpec {
  Name name;
  TypeId type = 0;
  uint32_t bit_offset = 0;
  uint32_t bitfield_size = 0;  // any non-zero one sets the struct's kind flag
};
struct EnumSpec {
  Name name;
  int64_t value = 0;
};
struct ParamSpec {
  Name name;
  TypeId type = 0;
};

// The choices for the form of the blob. The defaults are what pahole writes.
struct BlobForm {
  uint32_t hdr_len = kClassicHeaderSize;
  bool big_endian = false;
  uint8_t version = kVersion;
  uint8_t flags = 0;
  std::string layout;        // bytes of the layout section, little-endian
  std::string header_extra;  // content from byte 32 of the header on
  uint32_t type_gap = 0;     // bytes between header and types
  uint32_t layout_gap = 0;   // between types and layout
  uint32_t string_gap = 0;   // before the strings
  std::string trailing;      // behind the strings
};

class BtfBuilder {
 public:
  BtfBuilder() { strings_.push_back('\0'); }
  // A builder of split BTF over another builder's BTF as it is now, or over a
  // Base. It is not a copy constructor, and is explicit for that reason.
  explicit BtfBuilder(const BtfBuilder& base);
  explicit BtfBuilder(const Base& base);
  BtfBuilder& operator=(const BtfBuilder&) = delete;

  // False: each name gets an entry of its own, even if the strings have it
  // already.
  BtfBuilder& ShareStrings(bool share) {
    share_strings_ = share;
    return *this;
  }
  BlobForm& form() { return form_; }

  TypeId first_id() const { return first_id_; }
  TypeId next_id() const {
    return first_id_ + static_cast<TypeId>(starts_.size());
  }

  // String() returns the offset of a text, 0 for "". string_end() is the offset
  // of the next string.
  uint32_t String(const Name& name);
  uint32_t AppendString(const std::string& text);
  uint32_t string_end() const {
    return base_str_len_ + static_cast<uint32_t>(strings_.size());
  }
  std::string& raw_strings() { return strings_; }

  static constexpr uint32_t kSigned = 1, kChar = 2, kBool = 4;
  TypeId Int(const Name& name, uint32_t bytes, uint32_t encoding = kSigned);
  TypeId Float(const Name& name, uint32_t bytes);
  TypeId Ptr(TypeId to) { return Reference(Kind::kPtr, "", to); }
  TypeId Const(TypeId to) { return Reference(Kind::kConst, "", to); }
  TypeId Volatile(TypeId to) { return Reference(Kind::kVolatile, "", to); }
  TypeId Restrict(TypeId to) { return Reference(Kind::kRestrict, "", to); }
  TypeId Typedef(const Name& name, TypeId to) {
    return Reference(Kind::kTypedef, name, to);
  }
  TypeId Array(TypeId element, TypeId index, uint32_t count);
  TypeId Struct(const Name& name, uint32_t bytes,
                const std::vector<MemberSpec>& members = {});
  TypeId Union(const Name& name, uint32_t bytes,
               const std::vector<MemberSpec>& members = {});
  // `is_signed` sets the kind flag.
  TypeId Enum(const Name& name, uint32_t bytes,
              const std::vector<EnumSpec>& values = {}, bool is_signed = false);
  TypeId Enum64(const Name& name, uint32_t bytes,
                const std::vector<EnumSpec>& values = {},
                bool is_signed = false);
  TypeId Fwd(const Name& name, bool is_union = false);
  // linkage: 0 static, 1 global, 2 extern.
  TypeId Func(const Name& name, TypeId proto, uint32_t linkage = 1);
  TypeId Proto(TypeId returns, const std::vector<ParamSpec>& params = {});
  TypeId Var(const Name& name, TypeId type, uint32_t linkage = 1);
  TypeId Datasec(const Name& name, uint32_t bytes,
                 const std::vector<SectionVar>& vars = {});
  // `attribute` sets the kind flag.
  TypeId DeclTag(const Name& value, TypeId target, int32_t component = -1,
                 bool attribute = false);
  TypeId TypeTag(const Name& value, TypeId target, bool attribute = false);
  // Any record, also of a kind that does not exist.
  TypeId Raw(const Name& name, uint32_t info, uint32_t third,
             const std::vector<uint32_t>& tail = {});

  // For changing a type afterwards.
  TypeRecord& type(TypeId id);
  BtfBuilder& SetKindFlag(TypeId id) {
    type(id).info |= 1u << 31;
    return *this;
  }

  std::string Build() const;

 private:
  TypeId Reference(Kind kind, const Name& name, TypeId to) {
    return Raw(name, MakeInfo(kind, 0, false), to);
  }
  TypeId Composite(Kind kind, const Name& name, uint32_t bytes,
                   const std::vector<MemberSpec>& members);

  TypeId first_id_ = 1;
  uint32_t base_str_len_ = 0;
  std::map<std::string, uint32_t> base_offsets_;
  std::map<std::string, uint32_t> offsets_;
  const Base* base_ = nullptr;
  bool share_strings_ = true;
  std::string strings_;
  std::vector<uint32_t> words_;
  std::vector<uint32_t> starts_;
  BlobForm form_;
};

// StandardLayout() is the layout section that libbpf writes (20 entries);
// LayoutEntry() is one entry.
std::string LayoutEntry(uint8_t fixed, uint8_t element, uint16_t flags = 0);
std::string StandardLayout();

// Swaps the byte order of a well-formed raw BTF of known kinds.
std::string SwapEndian(const std::string& raw);

}  // namespace btfd::btf::testing

#endif  // BTFD_LIB_BTF_TESTING_BUILDER_H_
