// SPDX-License-Identifier: Apache-2.0
#include "client/encode/encode_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/internal/endian.h"
#include "client/encode/stand_in.h"
#include "lib/dwarf/object.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// Gives back the whole pages that `bytes` covers, if they belong to `map`.
// Decompressed sections lie in other memory.
void GiveBack(absl::string_view map, absl::string_view bytes) {
  if (bytes.data() < map.data() ||
      bytes.data() + bytes.size() > map.data() + map.size()) {
    return;
  }
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(bytes.data()) + page - 1) / page * page;
  const uintptr_t end =
      reinterpret_cast<uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) {
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

// BTF without types: the residue of a file in which there is nothing to encode.
std::string EmptyBtf(bool big_endian) {
  constexpr uint16_t kMagic = 0xeb9f;
  constexpr uint32_t kHeaderSize = 24;
  std::string btf(kHeaderSize + 1, '\0');
  const auto put = [&](size_t at, uint32_t value) {
    big_endian ? absl::big_endian::Store32(&btf[at], value)
               : absl::little_endian::Store32(&btf[at], value);
  };
  big_endian ? absl::big_endian::Store16(&btf[0], kMagic)
             : absl::little_endian::Store16(&btf[0], kMagic);
  btf[2] = 1;
  put(4, kHeaderSize);
  put(20, 1);  // str_len
  return btf;
}

}  // namespace

absl::StatusOr<encode::Encoded> EncodeFile(
    const elf::ModuleFile& file, const encode::EncodeOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<dwarf::Object> object,
                   dwarf::Object::Open(file));
  encode::EncodeOptions giving_back = options;
  if (options.threads == 0) {
    giving_back.threads =
        std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  giving_back.done_with = [map = file.bytes()](absl::string_view bytes) {
    GiveBack(map, bytes);
  };
  return encode::Encode(*object, giving_back);
}

absl::StatusOr<EncodedAnswer> EncodeAndFinalize(
    const elf::ModuleFile& file, const encode::EncodeOptions& options,
    v1::FinalizeRequest* request, FinalizeClient* client, BaseFile* base) {
  EncodedAnswer answer;
  encode::EncodeOptions knowing = options;
  // If a name has two meanings in the base, types that were left out may say
  // which one is meant.
  knowing.make_all = base != nullptr;
  absl::StatusOr<encode::Encoded> encoded = EncodeFile(file, knowing);
  answer.encoding = encoded.status();
  if (!encoded.ok()) return answer;
  answer.encoded = *std::move(encoded);
  if (answer.encoded.btf.empty()) {
    answer.nothing_to_encode = base == nullptr;
    if (answer.nothing_to_encode) return answer;
    answer.encoded.btf = EmptyBtf(file.form().big_endian);
  }
  *request->mutable_btf() = std::move(answer.encoded.btf);
  request->mutable_steps()->set_encoded(LibbpfOf(options.version));
  ASSIGN_OR_RETURN(answer.response, client->Finalize(request, base));
  return answer;
}

}  // namespace btfd::client
