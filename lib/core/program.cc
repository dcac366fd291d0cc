// SPDX-License-Identifier: Apache-2.0
//
// .BTF.ext is a header, and three lists behind it of which the last one is read
// here. A list is the size of its records, and then a part for each section of
// the program: the section's name, the number of records, the records.
#include "lib/core/program.h"

#include <cstring>
#include <memory_resource>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

namespace {

constexpr absl::string_view kBtf = ".BTF";
constexpr absl::string_view kBtfExt = ".BTF.ext";

// Where the fields of the header lie, in bytes.
constexpr uint64_t kHeaderLength = 4;
constexpr uint64_t kRelocationsOffset = 24;
constexpr uint64_t kRelocationsLength = 28;
// What a header must have, and what one with relocations has.
constexpr uint64_t kShortHeader = 24;
constexpr uint64_t kWholeHeader = 32;
constexpr uint32_t kRecordSize = 16;
constexpr uint64_t kPartHeader = 8;

// What of a string goes into a message.
absl::string_view ForMessage(const char* string) {
  return {string, strnlen(string, 256)};
}

// Reads .BTF.ext. All offsets are of the section.
class ExtReader {
 public:
  ExtReader(const std::string& program, absl::string_view bytes,
            const btf::Btf& types)
      : program_(program), bytes_(bytes), types_(types) {}

  absl::StatusOr<std::vector<Relocation>> Read();

 private:
  absl::Status ReadHeader();
  absl::Status ReadList(uint64_t begin, uint64_t end);
  absl::Status ReadPart(uint64_t* at, uint64_t end, uint32_t record_size);
  absl::Status ReadRecord(uint64_t at, uint32_t section);
  // Precondition: 4 bytes are there.
  uint32_t Word(uint64_t at) const {
    uint32_t word;
    memcpy(&word, bytes_.data() + at, sizeof(word));
    return swapped_ ? util::ByteSwap(word) : word;
  }
  absl::Status Bad(uint64_t at, absl::string_view defect) const {
    return absl::InvalidArgumentError(
        absl::StrCat(program_, ": ", kBtfExt, " at offset ", at, ": ", defect));
  }

  const std::string& program_;
  absl::string_view bytes_;
  const btf::Btf& types_;
  bool swapped_ = false;
  std::vector<Relocation> relocations_;
};

absl::Status ExtReader::ReadHeader() {
  if (bytes_.size() < kShortHeader) {
    return Bad(0, absl::StrCat("too short for a header: ", bytes_.size(),
                               " bytes, at least ", kShortHeader, " needed"));
  }
  uint16_t magic;
  memcpy(&magic, bytes_.data(), sizeof(magic));
  swapped_ = magic == util::ByteSwap(btf::kMagic);
  if (!swapped_ && magic != btf::kMagic) {
    return Bad(0, absl::StrCat("no BTF extension: magic 0x",
                               absl::Hex(magic, absl::kZeroPad4)));
  }
  if (bytes_[2] != btf::kVersion) {
    return Bad(
        2, absl::StrCat("unknown version ", static_cast<uint8_t>(bytes_[2])));
  }
  if (bytes_[3] != 0) {
    return Bad(3,
               absl::StrCat("unknown flags ", static_cast<uint8_t>(bytes_[3])));
  }
  const uint32_t header = Word(kHeaderLength);
  if (header < kShortHeader || header > bytes_.size()) {
    return Bad(
        kHeaderLength,
        absl::StrCat("header length ", header, ", with ", bytes_.size(),
                     " bytes in all and at least ", kShortHeader, " needed"));
  }
  return absl::OkStatus();
}

absl::Status ExtReader::ReadRecord(uint64_t at, uint32_t section) {
  Relocation relocation;
  relocation.instruction = Word(at);
  relocation.type = Word(at + 4);
  relocation.access = Word(at + 8);
  relocation.kind = static_cast<RelocationKind>(Word(at + 12));
  relocation.section = section;
  relocation.place = static_cast<uint32_t>(at);
  if (relocation.type >= types_.end_id()) {
    return Bad(at + 4,
               absl::StrCat("relocation of type ", relocation.type, ", but ",
                            kBtf, " ends before ", types_.end_id()));
  }
  if (relocation.access >= types_.str_end()) {
    return Bad(at + 8, absl::StrCat("string offset ", relocation.access,
                                    " is not within the ", types_.str_end(),
                                    " bytes of strings"));
  }
  if (static_cast<uint32_t>(relocation.kind) >= kRelocationKinds) {
    return Bad(at + 12, absl::StrCat("unknown kind of relocation ",
                                     static_cast<uint32_t>(relocation.kind)));
  }
  relocations_.push_back(relocation);
  return absl::OkStatus();
}

absl::Status ExtReader::ReadPart(uint64_t* at, uint64_t end,
                                 uint32_t record_size) {
  if (end - *at < kPartHeader) {
    return Bad(*at, "cut off before the number of relocations");
  }
  const uint32_t section = Word(*at);
  const uint32_t count = Word(*at + 4);
  if (section >= types_.str_end()) {
    return Bad(*at,
               absl::StrCat("string offset ", section, " is not within the ",
                            types_.str_end(), " bytes of strings"));
  }
  const uint64_t room = (end - *at - kPartHeader) / record_size;
  if (count == 0 || count > room) {
    return Bad(*at + 4, absl::StrCat(count,
                                     " relocations, but there is room "
                                     "for 1 to ",
                                     room));
  }
  *at += kPartHeader;
  for (uint32_t i = 0; i < count; ++i, *at += record_size) {
    RETURN_IF_ERROR(ReadRecord(*at, section));
  }
  return absl::OkStatus();
}

absl::Status ExtReader::ReadList(uint64_t begin, uint64_t end) {
  if (end > bytes_.size() || end - begin < 4 || begin % 4 != 0) {
    return Bad(kRelocationsOffset,
               absl::StrCat("relocations from ", begin, " to ", end,
                            " are not aligned, not long enough, or not within "
                            "the ",
                            bytes_.size(), " bytes there are"));
  }
  const uint32_t record_size = Word(begin);
  if (record_size < kRecordSize || record_size % 4 != 0) {
    return Bad(begin,
               absl::StrCat("relocations of ", record_size,
                            " bytes each, at least ", kRecordSize, " needed"));
  }
  uint64_t at = begin + 4;
  if (at == end) return Bad(at, "a list of relocations without any");
  while (at < end) RETURN_IF_ERROR(ReadPart(&at, end, record_size));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Relocation>> ExtReader::Read() {
  RETURN_IF_ERROR(ReadHeader());
  const uint64_t header = Word(kHeaderLength);
  // Compilers before CO-RE wrote a shorter header.
  if (header < kWholeHeader) return std::move(relocations_);
  const uint64_t length = Word(kRelocationsLength);
  if (length != 0) {
    const uint64_t begin = header + Word(kRelocationsOffset);
    RETURN_IF_ERROR(ReadList(begin, begin + length));
  }
  return std::move(relocations_);
}

}  // namespace

absl::StatusOr<Program> Program::Parse(std::string name, absl::string_view btf,
                                       absl::string_view btf_ext,
                                       uint32_t pointer_size) {
  ASSIGN_OR_RETURN(btf::Btf types,
                   btf::Btf::Parse(btf, nullptr, absl::StrCat(name, ": ", kBtf),
                                   std::pmr::new_delete_resource()));
  if (types.has_dangling_ids()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", kBtf, ": a type refers to one that does not exist"));
  }
  ASSIGN_OR_RETURN(std::vector<Relocation> relocations,
                   ExtReader(name, btf_ext, types).Read());
  Program program(std::move(name), std::move(types));
  program.pointer_size_ = pointer_size;
  program.size_ = btf.size() + btf_ext.size();
  program.relocations_ = std::move(relocations);
  return program;
}

absl::Status Program::BadRelocation(const Relocation& relocation,
                                    absl::string_view defect) const {
  const absl::string_view type = ForMessage(types_.name(relocation.type));
  return absl::InvalidArgumentError(absl::StrCat(
      name_, ": ", kBtfExt, " at offset ", relocation.place, ": ",
      RelocationKindName(relocation.kind), " (",
      type.empty() ? "an anonymous type" : type, ", type ", relocation.type,
      ", access ", ForMessage(types_.string(relocation.access)),
      ") in section ", ForMessage(types_.string(relocation.section)), " at ",
      relocation.instruction, ": ", defect));
}

}  // namespace btfd::core
