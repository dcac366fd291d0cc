// SPDX-License-Identifier: Apache-2.0
//
// The walk is one pass that decides and no more: per record its size, and the
// largest name offset and id seen, to be compared once at the end. Only when
// that finds a defect, a second, slow walk looks for the first offender to
// name it. What the one pass cannot know, the kind of a FUNC's target further
// ahead, is looked at afterwards, and only if there was such a reference.
#include "lib/btf/scan.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace btfd::btf {

namespace {

constexpr uint64_t kMaxStringOffset = 0x7fffffff;
constexpr uint64_t kMaxRecordBytes = 0x7fffffff;
constexpr uint64_t kRecordWords = sizeof(TypeRecord) / 4;
constexpr uint32_t kLayoutEntrySize = 4;

absl::Status Malformed(absl::string_view what, uint64_t offset,
                       absl::string_view defect) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": offset ", offset, ": ", defect));
}

uint32_t Swapped(uint32_t word) { return __builtin_bswap32(word); }

// The header as libbpf keeps it: whatever hdr_len covers, the rest 0.
absl::StatusOr<Header> ParseHeader(absl::string_view bytes, bool* foreign,
                                   absl::string_view what) {
  if (bytes.size() < kClassicHeaderSize) {
    return Malformed(what, 0,
                     absl::StrCat("too short for a BTF header: ", bytes.size(),
                                  " bytes, at least 24 needed"));
  }
  Header header{};
  memcpy(&header, bytes.data(), kClassicHeaderSize);
  uint32_t hdr_len = header.hdr_len;
  *foreign = header.magic == __builtin_bswap16(kMagic);
  if (*foreign) {
    hdr_len = Swapped(hdr_len);
    if (hdr_len < kClassicHeaderSize) {
      return Malformed(what, offsetof(Header, hdr_len),
                       absl::StrCat("header length ", hdr_len,
                                    " in foreign byte order is not supported, "
                                    "at least 24 needed"));
    }
  } else if (header.magic != kMagic) {
    return Malformed(what, 0,
                     absl::StrCat("not a BTF: magic 0x",
                                  absl::Hex(header.magic, absl::kZeroPad4)));
  }
  if (bytes.size() < hdr_len) {
    return Malformed(what, offsetof(Header, hdr_len),
                     absl::StrCat("header length ", hdr_len, " exceeds the ",
                                  bytes.size(), " bytes there are"));
  }
  header = Header{};
  memcpy(&header, bytes.data(), std::min<size_t>(hdr_len, sizeof(header)));
  if (*foreign) {
    header.magic = kMagic;
    for (uint32_t* field : {&header.hdr_len, &header.type_off, &header.type_len,
                            &header.str_off, &header.str_len}) {
      *field = Swapped(*field);
    }
    // A partial layout field stays as it is.
    if (hdr_len >= kExtendedHeaderSize) {
      header.layout_off = Swapped(header.layout_off);
      header.layout_len = Swapped(header.layout_len);
    }
  }
  return header;
}

// That the sections lie within the `size` bytes behind the header, in order.
absl::Status CheckPlaces(const Header& h, uint64_t size,
                         absl::string_view what) {
  const uint64_t types_end = uint64_t{h.type_off} + h.type_len;
  if (uint64_t{h.str_off} + h.str_len > size) {
    return Malformed(
        what, offsetof(Header, str_off),
        absl::StrCat("strings at ", h.str_off, " + ", h.str_len, " exceed the ",
                     size, " bytes behind the header"));
  }
  if (types_end > h.str_off) {
    return Malformed(what, offsetof(Header, type_off),
                     absl::StrCat("types at ", h.type_off, " + ", h.type_len,
                                  " run into the strings at ", h.str_off));
  }
  if (h.type_off % 4 != 0) {
    return Malformed(
        what, offsetof(Header, type_off),
        absl::StrCat("types at ", h.type_off, " are not 4-byte aligned"));
  }
  if (h.layout_len == 0) return absl::OkStatus();
  if (h.layout_off % 4 != 0) {
    return Malformed(
        what, offsetof(Header, layout_off),
        absl::StrCat("layout at ", h.layout_off, " is not 4-byte aligned"));
  }
  if (h.layout_off < types_end ||
      uint64_t{h.layout_off} + h.layout_len > h.str_off) {
    return Malformed(
        what, offsetof(Header, layout_off),
        absl::StrCat("layout at ", h.layout_off, " + ", h.layout_len,
                     " is not between the types' end ", types_end,
                     " and the strings at ", h.str_off));
  }
  if (h.layout_len % kLayoutEntrySize != 0) {
    return Malformed(what, offsetof(Header, layout_len),
                     absl::StrCat("layout length ", h.layout_len,
                                  " is not a multiple of 4"));
  }
  return absl::OkStatus();
}

absl::Status CheckStrings(absl::string_view strings, bool split,
                          uint64_t offset, absl::string_view what) {
  if (strings.empty()) {
    if (split) return absl::OkStatus();
    return Malformed(what, offset, "no strings; a base BTF needs them");
  }
  if (strings.size() - 1 > kMaxStringOffset) {
    return Malformed(what, offset, "more than 2 GiB of strings");
  }
  if (strings.back() != '\0') {
    return Malformed(what, offset + strings.size() - 1,
                     "the last string does not end in NUL");
  }
  if (!split && strings.front() != '\0') {
    return Malformed(what, offset,
                     "the first string is not empty; is this a split BTF that "
                     "needs its base?");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sections> ParseSections(absl::string_view bytes, bool split,
                                       absl::string_view what) {
  if (bytes.size() > UINT32_MAX) return Malformed(what, 0, "more than 4 GiB");
  Sections s{};
  absl::StatusOr<Header> header = ParseHeader(bytes, &s.foreign_endian, what);
  if (!header.ok()) return header.status();
  s.header = *header;
  const Header& h = s.header;
  // With hdr_len below 8 the field itself is not taken, and all sections are
  // empty.
  const uint64_t start = h.hdr_len;
  absl::Status status = CheckPlaces(h, bytes.size() - start, what);
  if (!status.ok()) return status;

  s.types_offset = start + h.type_off;
  s.types = bytes.substr(s.types_offset, h.type_len);
  s.strings = bytes.substr(start + h.str_off, h.str_len);
  status = CheckStrings(s.strings, split, start + h.str_off, what);
  if (!status.ok()) return status;
  if (h.layout_len != 0) {
    s.layout = bytes.substr(start + h.layout_off, h.layout_len);
  }

  s.known_header = true;
  for (uint64_t i = kExtendedHeaderSize; i < start; ++i) {
    if (bytes[i] != 0) s.known_header = false;
  }
  s.contiguous = s.known_header && start >= kClassicHeaderSize &&
                 h.type_off == 0 &&
                 h.str_off == uint64_t{h.type_len} + h.layout_len &&
                 (h.layout_len == 0 || h.layout_off == h.type_len) &&
                 bytes.size() == start + h.str_off + h.str_len;
  return s;
}

namespace {

// Bytes of a record of a kind that only a layout describes.
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
  // Words behind the fixed part; records an error in status_ where there is
  // no telling.
  uint64_t TailOf(const TypeRecord& type);
  void Visit(const TypeRecord& type);
  template <int kStride>
  void VisitNamesAndIds(const uint32_t* tail, uint32_t vlen);
  template <int kStride>
  void VisitNames(const uint32_t* tail, uint32_t vlen);
  void VisitFunc(TypeId target);

  bool IsProto(TypeId id) const;
  uint64_t end() const { return uint64_t{in_.parent->end} + records_; }
  // The slow walk. Precondition: the sizes are right and something else is not.
  absl::Status FindDefect() const;
  absl::Status DefectOf(uint32_t record) const;
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
      // libbpf leaves the return type unchecked.
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
  return Malformed(in_.what, in_.types_offset + word * 4,
                   absl::StrCat("type ", in_.parent->end + record, " (",
                                KindName(type.kind_number()), "): ", defect));
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
                          strings, " bytes of strings"));
    }
  });
  const bool unchecked_third =
      type.kind() == Kind::kFwd || type.kind() == Kind::kFuncProto;
  ForEachTypeField(type, [&](const TypeId& id) {
    if (id >= end() && !(unchecked_third && &id == &type.size_or_type)) {
      report(id, absl::StrCat("refers to type ", id, ", but there are ", end(),
                              " types"));
    }
  });
  if (status.ok() && type.kind() == Kind::kFunc &&
      !IsProto(type.size_or_type)) {
    report(type.size_or_type, absl::StrCat("refers to type ", type.size_or_type,
                                           ", which is not a FUNC_PROTO"));
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
    return Malformed(
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

void SwapWords(uint32_t* words, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) words[i] = Swapped(words[i]);
}

void SwapLayoutFlags(char* layout, uint64_t size) {
  for (uint64_t i = 0; i + kLayoutEntrySize <= size; i += kLayoutEntrySize) {
    std::swap(layout[i + 2], layout[i + 3]);
  }
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
