// SPDX-License-Identifier: Apache-2.0
#include "client/encode/encode_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/encode/stand_in.h"
#include "lib/btf/format.h"
#include "lib/dwarf/object.h"
#include "lib/elf/module_writer.h"
#include "lib/encode/rules.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The residue of a module takes the engine a millisecond or two. Without a base
// the daemon has nothing that would help with it: to ask takes longer than that
// (af_key: 11.3 ms of CPU, here 8.7). A vmlinux is larger; the daemon keeps the
// client's memory small.
constexpr size_t kMostHere = size_t{2} << 20;

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
  const auto in_order = [big_endian](auto number) {
    return big_endian == util::kHostIsBigEndian ? number
                                                : util::ByteSwap(number);
  };
  btf::Header header = {};
  header.magic = in_order(btf::kMagic);
  header.version = btf::kVersion;
  header.hdr_len = in_order(btf::kClassicHeaderSize);
  header.str_len = in_order(uint32_t{1});
  std::string btf(reinterpret_cast<const char*>(&header),
                  btf::kClassicHeaderSize);
  btf.push_back('\0');
  return btf;
}

absl::StatusOr<EncodedAnswer> EncodeOnce(const elf::ModuleFile& file,
                                         const encode::EncodeOptions& options,
                                         v1::FinalizeRequest* request,
                                         FinalizeClient* client, BaseFile* base,
                                         Trace* trace) {
  EncodedAnswer answer;
  absl::StatusOr<encode::Encoded> encoded;
  {
    const TraceSpan span(trace, "encode", file.path());
    encoded = EncodeFile(file, options);
  }
  answer.encoding = encoded.status();
  if (!encoded.ok()) return answer;
  answer.encoded = *std::move(encoded);
  if (answer.encoded.btf.empty()) {
    answer.nothing_to_encode = base == nullptr;
    if (answer.nothing_to_encode) return answer;
    answer.encoded.btf = EmptyBtf(file.form().big_endian);
  }
  *request->mutable_btf() = std::move(answer.encoded.btf);
  v1::Steps* const steps = request->mutable_steps();
  steps->set_encoded(LibbpfOf(options.version));
  steps->clear_interned();
  if (answer.encoded.interned && base != nullptr) {
    const std::vector<uint32_t>& forwards = answer.encoded.forwards;
    steps->mutable_interned()->mutable_forwards()->Add(forwards.begin(),
                                                       forwards.end());
  }
  if (base == nullptr && request->btf().size() <= kMostHere) {
    const TraceSpan span(trace, "engine", file.path());
    ASSIGN_OR_RETURN(answer.response, client->FinalizeHere(*request));
    return answer;
  }
  const TraceSpan span(trace, "ask", file.path());
  ASSIGN_OR_RETURN(answer.response, client->Finalize(request, base));
  return answer;
}

absl::Status AskBaseNames(FinalizeClient* client, BaseFile* base,
                          std::optional<encode::BaseNames>* names) {
  if (names->has_value()) return absl::OkStatus();
  v1::FinalizeRequest request;
  request.mutable_steps()->set_base_names(true);
  request.mutable_steps()->set_new_header_size(
      btf::kClassicHeaderSize);  // nothing is made, but it has to be one
  ASSIGN_OR_RETURN(const v1::FinalizeResponse response,
                   client->Finalize(&request, base));
  if (response.outcome() != v1::OK) {
    return absl::InvalidArgumentError(
        absl::StrCat(base->path(), ": ", response.message()));
  }
  const v1::BaseNames& told = response.base_names();
  names->emplace();
  (*names)->declared.assign(told.declared().begin(), told.declared().end());
  (*names)->repeated.assign(told.repeated().begin(), told.repeated().end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<encode::Encoded> EncodeFile(
    const elf::ModuleFile& file, const encode::EncodeOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<dwarf::Object> object,
                   dwarf::Object::Open(file, dwarf::InfoOrder::kAssumed));
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
    v1::FinalizeRequest* request, FinalizeClient* client, BaseFile* base,
    std::optional<encode::BaseNames>* names, Trace* trace) {
  encode::EncodeOptions attempt = options;
  if (base != nullptr) {
    attempt.make_all |= encode::RulesOf(options.version).copies_count_over_base;
    if (!attempt.make_all) {
      const TraceSpan span(trace, "names of the base", file.path());
      RETURN_IF_ERROR(AskBaseNames(client, base, names));
      attempt.base = **names;
    }
  }
  ASSIGN_OR_RETURN(EncodedAnswer answer,
                   EncodeOnce(file, attempt, request, client, base, trace));
  if (answer.response.outcome() != v1::ENCODING_UNCERTAIN) return answer;
  attempt.make_all = true;
  return EncodeOnce(file, attempt, request, client, base, trace);
}

absl::Status EmbedAnswer(const elf::ModuleFile& file,
                         const v1::FinalizeResponse& response) {
  std::vector<elf::SectionEdit> edits = {{elf::kBtf, response.btf()}};
  if (response.has_btf_base()) {
    edits.push_back({elf::kBtfBase, response.btf_base()});
  }
  if (response.has_btf_ids()) {
    edits.push_back({elf::kBtfIds, response.btf_ids()});
  }
  elf::WriteOptions options;
  options.notice = SayError;
  return elf::WriteModule(file, edits, options).status();
}

}  // namespace btfd::client
