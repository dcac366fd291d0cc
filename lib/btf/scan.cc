// SPDX-License-Identifier: Apache-2.0
//
// The walk over type records. One fast pass decides whether the types are
// valid: it computes the size of each record, and keeps the largest name offset
// and the largest id, which are compared with the limits at the end. The kind
// of a FUNC's target may lie further ahead; it is checked afterwards, if there
// was such a FUNC. Only if the fast pass finds a defect, a slow walk looks for
// the first defective record, to name it.
#include "lib/btf/scan.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace btfd::btf {

namespace {

constexpr uint64_t kMaxRecordBytes = 0x7fffffff;
constexpr uint64_t kRecordWords = sizeof(TypeRecord) / 4;
constexpr uint32_t kLayoutEntrySize = 4;

// The number of bytes of a record whose kind only a layout describes.
absl::StatusOr<uint64_t> UnknownKindBytes(const ScanInput& in,
                                          const TypeRecord& type) {
  const uint32_t kind = type.kind_number();
  if (in.foreign_endian) {
    return absl::InvalidArgumentError(absl::StrCat(
        "kind ", kind, " is not known, so its byte order cannot be changed"));
  }
  if (kind >= in.layout.size() / kLayoutEntrySize) {
    return absl::InvalidArgumentError(absl::StrCat(
        "kind ", kind, " is not known and no layout describes it"));
  }
  const auto* entry = reinterpret_cast<const uint8_t*>(in.layout.data()) +
                      kind * kLayoutEntrySize;
  const uint32_t fixed = entry[0];
  const uint32_t element = entry[1];
  if (fixed % 4 != 0 || element % 4 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the layout of kind ", kind, " has sizes ", fixed, " and ",
                     element, ", which are not multiples of 4"));
  }
  const uint64_t bytes =
      sizeof(TypeRecord) + fixed + uint64_t{type.vlen()} * element;
  if (bytes > kMaxRecordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a record of kind ", kind, " has ", bytes, " bytes"));
  }
  return bytes;
}

const TypeRecord& RecordAt(const uint32_t* words, uint64_t at) {
  return *reinterpret_cast<const TypeRecord*>(words + at);
}

// The state of one walk.
class Scanner {
 public:
  Scanner(const ScanInput& in, uint32_t* offsets)
      : in_(in), offsets_(offsets) {}

  absl::StatusOr<ScanResult> Run();

 private:
  // The number of words behind the fixed part. Sets status_ if it cannot be
  // known.
  uint64_t TailOf(const TypeRecord& type);
  void Visit(const TypeRecord& type);
  template <int kStride>
  void VisitNamesAndIds(const uint32_t* tail, uint32_t vlen);
  template <int kStride>
  void VisitNames(const uint32_t* tail, uint32_t vlen);
  void VisitFunc(TypeId target);

  bool IsProto(TypeId id) const;
  uint64_t end() const { return uint64_t{in_.parent->end} + records_; }
  // The slow walk. Precondition: all sizes are right, and something else is
  // wrong.
  absl::Status FindDefect() const;
  absl::Status DefectOf(uint32_t record) const;
  std::string DoubtOfBase() const;
  absl::Status DefectAt(uint32_t record, uint64_t word,
                        absl::string_view defect) const;

  const ScanInput& in_;
  uint32_t* const offsets_;
  uint32_t records_ = 0;
  uint32_t max_name_ = 0;
  TypeId max_id_ = 0;
  TypeId max_unchecked_id_ = 0;
  bool unknown_kinds_ = false;
  bool bad_func_ = false;
  bool func_ahead_ = false;
  absl::Status status_;
};

uint64_t Scanner::TailOf(const TypeRecord& type) {
  const uint32_t kind = type.kind_number();
  if (kind != 0 && kind <= kMaxKnownKind) {
    return TailWords(type.kind(), type.vlen());
  }
  unknown_kinds_ = true;
  absl::StatusOr<uint64_t> bytes = UnknownKindBytes(in_, type);
  if (!bytes.ok()) {
    status_ = bytes.status();
    return 0;
  }
  return *bytes / 4 - kRecordWords;
}

template <int kStride>
inline void Scanner::VisitNamesAndIds(const uint32_t* tail, uint32_t vlen) {
  uint32_t max_name = max_name_;
  uint32_t max_id = max_id_;
  for (const uint32_t* end = tail + uint64_t{kStride} * vlen; tail != end;
       tail += kStride) {
    max_name = std::max(max_name, tail[0]);
    max_id = std::max(max_id, tail[1]);
  }
  max_name_ = max_name;
  max_id_ = max_id;
}

template <int kStride>
inline void Scanner::VisitNames(const uint32_t* tail, uint32_t vlen) {
  uint32_t max_name = max_name_;
  for (const uint32_t* end = tail + uint64_t{kStride} * vlen; tail != end;
       tail += kStride) {
    max_name = std::max(max_name, tail[0]);
  }
  max_name_ = max_name;
}

bool Scanner::IsProto(TypeId id) const {
  if (id == 0) return false;
  if (id < in_.parent->end) {
    return in_.parent->type(id).kind() == Kind::kFuncProto;
  }
  return RecordAt(in_.words, offsets_[id - in_.parent->end]).kind() ==
         Kind::kFuncProto;
}

inline void Scanner::VisitFunc(TypeId target) {
  max_id_ = std::max(max_id_, target);
  if (target >= in_.parent->end && target - in_.parent->end >= records_) {
    func_ahead_ = true;
  } else if (!IsProto(target)) {
    bad_func_ = true;
  }
}

inline void Scanner::Visit(const TypeRecord& type) {
  max_name_ = std::max(max_name_, type.name_off);
  const uint32_t* tail = type.tail();
  switch (type.kind()) {
    case Kind::kPtr:
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kVar:
    case Kind::kDeclTag:
    case Kind::kTypeTag:
      max_id_ = std::max(max_id_, type.size_or_type);
      break;
    case Kind::kArray:
      max_id_ = std::max({max_id_, tail[0], tail[1]});
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      VisitNamesAndIds<3>(tail, type.vlen());
      break;
    case Kind::kEnum:
      VisitNames<2>(tail, type.vlen());
      break;
    case Kind::kEnum64:
      VisitNames<3>(tail, type.vlen());
      break;
    case Kind::kFunc:
      VisitFunc(type.size_or_type);
      break;
    case Kind::kFuncProto:
      // libbpf does not check the return type.
      max_unchecked_id_ = std::max(max_unchecked_id_, type.size_or_type);
      VisitNamesAndIds<2>(tail, type.vlen());
      break;
    case Kind::kDatasec:
      for (uint32_t i = 0; i < type.vlen(); ++i) {
        max_id_ = std::max(max_id_, tail[uint64_t{3} * i]);
      }
      break;
    case Kind::kFwd:
      max_unchecked_id_ = std::max(max_unchecked_id_, type.size_or_type);
      break;
    default:
      break;
  }
}

absl::Status Scanner::DefectAt(uint32_t record, uint64_t word,
                               absl::string_view defect) const {
  const TypeRecord& type = RecordAt(in_.words, offsets_[record]);
  return MalformedBtf(
      in_.what, in_.types_offset + word * 4,
      absl::StrCat("type ", in_.parent->end + record, " (",
                   KindName(type.kind_number()), "): ", defect));
}

// A hint for errors of a split BTF. Its ids and string offsets count from the
// end of its base. If it was made for another kernel's base, any of them may be
// wrong.
std::string Scanner::DoubtOfBase() const {
  const TypeId of_base = in_.parent->end;
  if (of_base == 1) return "";
  return absl::StrCat(" (", of_base,
                      " types of the base: is it another kernel's?)");
}

absl::Status Scanner::DefectOf(uint32_t record) const {
  const TypeRecord& type = RecordAt(in_.words, offsets_[record]);
  const uint64_t strings = uint64_t{in_.parent->str_len} + in_.str_len;
  absl::Status status;
  auto report = [&](const uint32_t& field, absl::string_view defect) {
    if (status.ok()) status = DefectAt(record, &field - in_.words, defect);
  };
  ForEachStringField(type, [&](const uint32_t& name) {
    if (name >= strings) {
      report(name,
             absl::StrCat(&name == &type.name_off ? "name" : "member name",
                          " at string offset ", name, ", but there are ",
                          strings, " bytes of strings", DoubtOfBase()));
    }
  });
  const bool unchecked_third =
      type.kind() == Kind::kFwd || type.kind() == Kind::kFuncProto;
  ForEachTypeField(type, [&](const TypeId& id) {
    if (id >= end() && !(unchecked_third && &id == &type.size_or_type)) {
      report(id, absl::StrCat("refers to type ", id, ", but there are ", end(),
                              " types", DoubtOfBase()));
    }
  });
  if (status.ok() && type.kind() == Kind::kFunc &&
      !IsProto(type.size_or_type)) {
    report(type.size_or_type,
           absl::StrCat("refers to type ", type.size_or_type,
                        ", which is not a FUNC_PROTO", DoubtOfBase()));
  }
  return status;
}

absl::Status Scanner::FindDefect() const {
  for (uint32_t i = 0; i < records_; ++i) {
    absl::Status status = DefectOf(i);
    if (!status.ok()) return status;
  }
  return absl::InternalError(absl::StrCat(in_.what, ": defect not found"));
}

absl::StatusOr<ScanResult> Scanner::Run() {
  uint64_t at = 0;
  while (in_.count - at >= kRecordWords) {
    const TypeRecord& type = RecordAt(in_.words, at);
    offsets_[records_] = static_cast<uint32_t>(at);
    const uint64_t tail = TailOf(type);
    if (!status_.ok()) return DefectAt(records_, at, status_.message());
    const uint64_t left = in_.count - at - kRecordWords;
    if (tail > left) {
      return DefectAt(records_, at,
                      absl::StrCat("the record runs past the end of the types, "
                                   "by ",
                                   (tail - left) * 4, " bytes"));
    }
    Visit(type);
    ++records_;
    at += kRecordWords + tail;
  }
  const uint64_t left_over = (in_.count - at) * 4 + in_.left_over;
  if (left_over != 0) {
    return MalformedBtf(
        in_.what, in_.types_offset + at * 4,
        absl::StrCat(left_over, " bytes are left over behind the last type"));
  }
  offsets_[records_] = static_cast<uint32_t>(at);

  bool defect = bad_func_ || max_id_ >= end() ||
                max_name_ >= uint64_t{in_.parent->str_len} + in_.str_len;
  if (func_ahead_ && !defect) {
    for (uint32_t i = 0; i < records_ && !defect; ++i) {
      const TypeRecord& type = RecordAt(in_.words, offsets_[i]);
      defect = type.kind() == Kind::kFunc && !IsProto(type.size_or_type);
    }
  }
  if (defect) return FindDefect();
  return ScanResult{records_, unknown_kinds_, max_unchecked_id_ >= end()};
}

}  // namespace

absl::StatusOr<ScanResult> ScanTypes(const ScanInput& input,
                                     uint32_t* offsets) {
  return Scanner(input, offsets).Run();
}

std::string KindName(uint32_t kind_number) {
  static constexpr const char* kNames[] = {
      nullptr,   "INT",      "PTR",      "ARRAY",      "STRUCT",
      "UNION",   "ENUM",     "FWD",      "TYPEDEF",    "VOLATILE",
      "CONST",   "RESTRICT", "FUNC",     "FUNC_PROTO", "VAR",
      "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG",   "ENUM64"};
  if (kind_number == 0 || kind_number > kMaxKnownKind) {
    return absl::StrCat("kind ", kind_number);
  }
  return kNames[kind_number];
}

}  // namespace btfd::btf
