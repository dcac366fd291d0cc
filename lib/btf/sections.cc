// SPDX-License-Identifier: Apache-2.0
//
// Parses the header as libbpf does: fields within hdr_len are taken, all others
// count as 0. Only then the sections are looked for.
#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "lib/btf/scan.h"
#include "lib/util/endian.h"

namespace btfd::btf {

namespace {

constexpr uint64_t kMaxStringOffset = 0x7fffffff;
constexpr uint32_t kLayoutEntrySize = 4;

// The header as libbpf keeps it: fields within hdr_len, and 0 for all others.
absl::StatusOr<Header> ParseHeader(absl::string_view bytes, bool* foreign,
                                   absl::string_view what) {
  if (bytes.size() < kClassicHeaderSize) {
    return MalformedBtf(
        what, 0,
        absl::StrCat("too short for a BTF header: ", bytes.size(),
                     " bytes, at least 24 needed"));
  }
  Header header{};
  memcpy(&header, bytes.data(), kClassicHeaderSize);
  uint32_t hdr_len = header.hdr_len;
  *foreign = header.magic == util::ByteSwap(kMagic);
  if (*foreign) {
    hdr_len = util::ByteSwap(hdr_len);
    if (hdr_len < kClassicHeaderSize) {
      return MalformedBtf(
          what, offsetof(Header, hdr_len),
          absl::StrCat("header length ", hdr_len,
                       " in foreign byte order is not supported, "
                       "at least 24 needed"));
    }
  } else if (header.magic != kMagic) {
    return MalformedBtf(what, 0,
                        absl::StrCat("not a BTF: magic 0x",
                                     absl::Hex(header.magic, absl::kZeroPad4)));
  }
  if (bytes.size() < hdr_len) {
    return MalformedBtf(what, offsetof(Header, hdr_len),
                        absl::StrCat("header length ", hdr_len, " exceeds the ",
                                     bytes.size(), " bytes there are"));
  }
  header = Header{};
  memcpy(&header, bytes.data(), std::min<size_t>(hdr_len, sizeof(header)));
  if (*foreign) {
    header.magic = kMagic;
    for (uint32_t* field : {&header.hdr_len, &header.type_off, &header.type_len,
                            &header.str_off, &header.str_len}) {
      *field = util::ByteSwap(*field);
    }
    // A layout field of which hdr_len covers only a part is not swapped.
    if (hdr_len >= kExtendedHeaderSize) {
      header.layout_off = util::ByteSwap(header.layout_off);
      header.layout_len = util::ByteSwap(header.layout_len);
    }
  }
  return header;
}

// Checks that the sections lie in order within the `size` bytes behind the
// header.
absl::Status CheckPlaces(const Header& h, uint64_t size,
                         absl::string_view what) {
  const uint64_t types_end = uint64_t{h.type_off} + h.type_len;
  if (uint64_t{h.str_off} + h.str_len > size) {
    return MalformedBtf(
        what, offsetof(Header, str_off),
        absl::StrCat("strings at ", h.str_off, " + ", h.str_len, " exceed the ",
                     size, " bytes behind the header"));
  }
  if (types_end > h.str_off) {
    return MalformedBtf(what, offsetof(Header, type_off),
                        absl::StrCat("types at ", h.type_off, " + ", h.type_len,
                                     " run into the strings at ", h.str_off));
  }
  if (h.type_off % 4 != 0) {
    return MalformedBtf(
        what, offsetof(Header, type_off),
        absl::StrCat("types at ", h.type_off, " are not 4-byte aligned"));
  }
  if (h.layout_len == 0) return absl::OkStatus();
  if (h.layout_off % 4 != 0) {
    return MalformedBtf(
        what, offsetof(Header, layout_off),
        absl::StrCat("layout at ", h.layout_off, " is not 4-byte aligned"));
  }
  if (h.layout_off < types_end ||
      uint64_t{h.layout_off} + h.layout_len > h.str_off) {
    return MalformedBtf(
        what, offsetof(Header, layout_off),
        absl::StrCat("layout at ", h.layout_off, " + ", h.layout_len,
                     " is not between the types' end ", types_end,
                     " and the strings at ", h.str_off));
  }
  if (h.layout_len % kLayoutEntrySize != 0) {
    return MalformedBtf(what, offsetof(Header, layout_len),
                        absl::StrCat("layout length ", h.layout_len,
                                     " is not a multiple of 4"));
  }
  return absl::OkStatus();
}

absl::Status CheckStrings(absl::string_view strings, bool split,
                          uint64_t offset, absl::string_view what) {
  if (strings.empty()) {
    if (split) return absl::OkStatus();
    return MalformedBtf(what, offset, "no strings; a base BTF needs them");
  }
  if (strings.size() - 1 > kMaxStringOffset) {
    return MalformedBtf(what, offset, "more than 2 GiB of strings");
  }
  if (strings.back() != '\0') {
    return MalformedBtf(what, offset + strings.size() - 1,
                        "the last string does not end in NUL");
  }
  if (!split && strings.front() != '\0') {
    return MalformedBtf(
        what, offset,
        "the first string is not empty; is this a split BTF that "
        "needs its base?");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sections> ParseSections(absl::string_view bytes, bool split,
                                       absl::string_view what) {
  if (bytes.size() > UINT32_MAX)
    return MalformedBtf(what, 0, "more than 4 GiB");
  Sections s{};
  absl::StatusOr<Header> header = ParseHeader(bytes, &s.foreign_endian, what);
  if (!header.ok()) return header.status();
  s.header = *header;
  const Header& h = s.header;
  // If hdr_len is below 8, the header does not even cover hdr_len itself. It is
  // then 0, and all sections are empty.
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

absl::Status MalformedBtf(absl::string_view what, uint64_t offset,
                          absl::string_view defect) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": offset ", offset, ": ", defect));
}

void SwapWords(uint32_t* words, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) words[i] = util::ByteSwap(words[i]);
}

void SwapLayoutFlags(char* layout, uint64_t size) {
  for (uint64_t i = 0; i + kLayoutEntrySize <= size; i += kLayoutEntrySize) {
    std::swap(layout[i + 2], layout[i + 3]);
  }
}

}  // namespace btfd::btf
