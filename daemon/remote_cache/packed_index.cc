// SPDX-License-Identifier: Apache-2.0
//
// An index consists mostly of tables of 32-bit words. In some tables (offsets,
// groups) LZ4 finds no repetition, but each word is a little larger than the
// one before. For such a block the differences are packed. A block that does
// not shrink by a quarter stays as it is, since unpacking it would cost more
// than sending it.
#include "daemon/remote_cache/packed_index.h"

#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::remote {

namespace {

constexpr size_t kBlock = size_t{128} << 10;  // bytes before packing
constexpr int kEffort = 4;                    // a higher level gains little
constexpr uint32_t kMagic = 0x44504249;       // "IBPD"
constexpr uint32_t kSizeBits = 24;

struct PartHeader {
  uint32_t magic;
  uint32_t version;
  uint64_t index_bytes;  // of all parts, unpacked
};

enum class Packing : uint32_t { kPlain, kLz4, kLz4OfDifferences };

struct Share {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// A part has whole blocks, so the last parts of a small index are empty.
Share ShareOf(size_t part, uint64_t index_bytes) {
  const uint64_t blocks = (index_bytes + kBlock - 1) / kBlock;
  const uint64_t size = (blocks + kPackedParts - 1) / kPackedParts * kBlock;
  return {std::min(part * size, index_bytes),
          std::min((part + 1) * size, index_bytes)};
}

// The bytes behind the last whole word stay as they are.
void ToDifferences(std::string* block) {
  uint32_t before = 0;
  for (size_t at = 0; at + 4 <= block->size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, &(*block)[at], 4);
    const uint32_t difference = word - before;
    std::memcpy(&(*block)[at], &difference, 4);
    before = word;
  }
}

void FromDifferences(char* block, size_t size) {
  uint32_t word = 0;
  for (size_t at = 0; at + 4 <= size; at += 4) {
    uint32_t difference;
    std::memcpy(&difference, block + at, 4);
    word += difference;
    std::memcpy(block + at, &word, 4);
  }
}

std::string Lz4(absl::string_view plain) {
  std::string packed(
      static_cast<size_t>(LZ4_compressBound(static_cast<int>(plain.size()))),
      '\0');
  const int size =
      LZ4_compress_HC(plain.data(), &packed[0], static_cast<int>(plain.size()),
                      static_cast<int>(packed.size()), kEffort);
  packed.resize(static_cast<size_t>(size));
  return packed;
}

void AppendBlock(absl::string_view plain, std::string* part) {
  std::string differences(plain);
  ToDifferences(&differences);
  const std::string packed[] = {std::string(plain), Lz4(plain),
                                Lz4(differences)};
  uint32_t best = 0;
  for (uint32_t i = 1; i < 3; ++i) {
    const size_t limit = best == 0 ? plain.size() * 3 / 4 : packed[best].size();
    // LZ4's output is empty if it has no memory.
    if (!packed[i].empty() && packed[i].size() < limit) best = i;
  }
  const uint32_t word =
      best << kSizeBits | static_cast<uint32_t>(packed[best].size());
  part->append(reinterpret_cast<const char*>(&word), sizeof(word));
  part->append(packed[best]);
}

absl::Status Damaged(absl::string_view defect) {
  return absl::DataLossError(absl::StrCat("packed index: ", defect));
}

template <typename T>
bool Read(absl::string_view* bytes, T* value) {
  if (bytes->size() < sizeof(T)) return false;
  std::memcpy(value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return true;
}

absl::Status UnpackBlock(absl::string_view* packed, char* out, size_t size) {
  uint32_t word;
  if (!Read(packed, &word)) return Damaged("ends before its last block");
  const size_t bytes = word & ((uint32_t{1} << kSizeBits) - 1);
  if (bytes > packed->size()) {
    return Damaged(absl::StrCat("a block of ", bytes, " bytes where ",
                                packed->size(), " are left"));
  }
  const absl::string_view block = packed->substr(0, bytes);
  packed->remove_prefix(bytes);
  const uint32_t how = word >> kSizeBits;
  if (how > static_cast<uint32_t>(Packing::kLz4OfDifferences)) {
    return Damaged(absl::StrCat("unknown packing ", how));
  }
  if (how == static_cast<uint32_t>(Packing::kPlain)) {
    if (bytes != size) return Damaged("a block of another size");
    block.copy(out, size);
    return absl::OkStatus();
  }
  const int got =
      LZ4_decompress_safe(block.data(), out, static_cast<int>(block.size()),
                          static_cast<int>(size));
  if (got < 0 || static_cast<size_t>(got) != size) {
    return Damaged("a block that LZ4 does not unpack");
  }
  if (how == static_cast<uint32_t>(Packing::kLz4OfDifferences)) {
    FromDifferences(out, size);
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> PackIndex(absl::string_view index) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < kPackedParts; ++i) {
    const PartHeader header = {kMagic, kPackingVersion, index.size()};
    std::string part(reinterpret_cast<const char*>(&header), sizeof(header));
    const Share share = ShareOf(i, index.size());
    for (uint64_t at = share.begin; at < share.end; at += kBlock) {
      AppendBlock(index.substr(at, std::min<uint64_t>(kBlock, share.end - at)),
                  &part);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

absl::Status IndexUnpacker::Place(uint64_t index_bytes, char** bytes) {
  if (index_bytes > max_bytes_) {
    return Damaged(absl::StrCat("has ", index_bytes, " bytes; at most ",
                                max_bytes_, " are taken"));
  }
  absl::MutexLock lock(&mutex_);
  if (!placed_) {
    index_ = util::Blob(index_bytes);
    placed_ = true;
  }
  if (index_.size() != index_bytes) {
    return Damaged(absl::StrCat("parts of ", index_.size(), " and ",
                                index_bytes, " bytes"));
  }
  *bytes = index_.data();
  return absl::OkStatus();
}

absl::Status IndexUnpacker::Add(size_t part, absl::string_view packed) {
  PartHeader header;
  if (!Read(&packed, &header) || header.magic != kMagic) {
    return Damaged("wrong magic");
  }
  if (header.version != kPackingVersion) {
    return Damaged(
        absl::StrCat("version ", header.version, ", not ", kPackingVersion));
  }
  char* index;
  RETURN_IF_ERROR(Place(header.index_bytes, &index));
  const Share share = ShareOf(part, header.index_bytes);
  for (uint64_t at = share.begin; at < share.end; at += kBlock) {
    RETURN_IF_ERROR(UnpackBlock(&packed, index + at,
                                std::min<uint64_t>(kBlock, share.end - at)));
  }
  if (!packed.empty()) return Damaged("goes on after its last block");
  return absl::OkStatus();
}

util::Blob IndexUnpacker::Take() {
  absl::MutexLock lock(&mutex_);
  return std::move(index_);
}

}  // namespace btfd::daemon::remote
