// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/builder.h"

#include <cstring>

namespace btfd::encode {

namespace {

// libbpf's bound for types and strings together is an int.
constexpr uint64_t kMostBytes = 0x7fffffff;

void Swap(uint32_t* word) { *word = __builtin_bswap32(*word); }

}  // namespace

uint32_t Builder::AddString(NameId name) {
  const uint32_t offset = static_cast<uint32_t>(strings_.size());
  const absl::string_view text = names_.text(name);
  strings_.append(text.data(), text.size());
  strings_.push_back('\0');
  return offset;
}

absl::Status Builder::CheckSize() const {
  if (words_.size() * 4 + strings_.size() > kMostBytes) {
    return absl::ResourceExhaustedError(
        "the types of the file are more than BTF can hold");
  }
  return absl::OkStatus();
}

std::string Builder::Serialize(bool big_endian) const {
  btf::Header header{};
  header.magic = btf::kMagic;
  header.version = btf::kVersion;
  header.hdr_len = btf::kClassicHeaderSize;
  header.type_len = static_cast<uint32_t>(words_.size() * 4);
  header.str_off = header.type_len;
  header.str_len = static_cast<uint32_t>(strings_.size());
  std::string out;
  out.reserve(btf::kClassicHeaderSize + header.type_len + header.str_len);
  if (!big_endian) {
    out.append(reinterpret_cast<const char*>(&header), btf::kClassicHeaderSize);
    out.append(reinterpret_cast<const char*>(words_.data()), header.type_len);
  } else {
    header.magic = __builtin_bswap16(header.magic);
    uint32_t* const fields[] = {&header.hdr_len, &header.type_off,
                                &header.type_len, &header.str_off,
                                &header.str_len};
    const uint32_t type_len = header.type_len;
    for (uint32_t* field : fields) Swap(field);
    out.append(reinterpret_cast<const char*>(&header), btf::kClassicHeaderSize);
    // Every word of a type is one number: no kind packs smaller ones.
    const size_t start = out.size();
    out.append(reinterpret_cast<const char*>(words_.data()), type_len);
    for (size_t at = start; at < out.size(); at += 4) {
      uint32_t word;
      memcpy(&word, &out[at], 4);
      Swap(&word);
      memcpy(&out[at], &word, 4);
    }
  }
  out.append(strings_);
  return out;
}

}  // namespace btfd::encode
