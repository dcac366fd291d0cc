// SPDX-License-Identifier: Apache-2.0
//
// The layout of a DedupIndex's blob: a header, then sections of words. It is in
// host byte order; each section is aligned to 8 bytes and padded with zeros, so
// that equal bases give equal blobs.
#ifndef BTFD_LIB_BTF_DEDUP_INDEX_BLOB_H_
#define BTFD_LIB_BTF_DEDUP_INDEX_BLOB_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/btf/probe_table.h"

namespace btfd::btf {

inline constexpr uint64_t kDedupBlobMagic = 0x3150554445444654;  // "TFDEDUP1"
// Raise it with any change of the layout, of the keys or of the fingerprints.
inline constexpr uint32_t kDedupBlobVersion = 1;

enum DedupSection : uint32_t {
  kFingerprints,     // by id, void included
  kCopies,           // a bit by id: another type has the same record
  kOddTypes,         // a bit by id: VAR, DATASEC or DECL_TAG
  kTwins,            // a bit by id: another type has the same signature
  kSignatures,       // a bit by signature, a power of two of bits
  kRecordSlots,      // ProbeShape records: value = id
  kGraphSlots,       // ProbeShape graphs: value = id
  kPlainGraphSlots,  // ProbeShape graphs: value = id
  kEnumNames,        // DedupIndex::EnumName, ascending name_off
  kEmptyEnums,       // DedupIndex::EmptyEnum, ascending name_off
  kComposites,       // DedupIndex::CompositeName, ascending name_off
  kForwards,         // name_off, ascending
  kNotFiled,         // ids of VAR and DATASEC, ascending
  kDedupSections,
};

struct DedupBlobHeader {
  uint64_t magic;
  uint64_t checksum;  // XXH3 of all that follows it, to the blob's end
  uint64_t size;      // of the blob
  uint64_t base;      // Base::fingerprint()
  uint32_t version;
  uint32_t end;  // number of types of the base, void included
  uint32_t odd_references;
  uint32_t padding;
  ProbeShape record_shape;
  ProbeShape graph_shape;
  struct {
    uint64_t offset;  // bytes from the start of the blob
    uint64_t size;    // bytes, without the padding
  } sections[kDedupSections];
};
static_assert(sizeof(DedupBlobHeader) % 8 == 0);

uint64_t DedupBlobChecksum(absl::string_view blob);

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_DEDUP_INDEX_BLOB_H_
