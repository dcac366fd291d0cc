// SPDX-License-Identifier: Apache-2.0
#include "client/commands/named_btf.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/shared_daemon.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr absl::string_view kByDigest = "sha256:";
constexpr size_t kHexDigits = 64;

}  // namespace

absl::StatusOr<elf::BtfSource> ReadNamedSource(const std::string& name) {
  absl::string_view digest_text = name;
  if (!absl::ConsumePrefix(&digest_text, kByDigest)) {
    return elf::ReadAnyBtf(name);
  }
  for (const char c : digest_text) {
    if (absl::ascii_isxdigit(c)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": is no digest in hexadecimal"));
  }
  ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
  absl::StatusOr<util::Digest> digest =
      digest_text.size() == kHexDigits
          ? util::Digest::FromBinary(absl::HexStringToBytes(digest_text))
          : FindBase(daemon.get(), digest_text);
  if (!digest.ok()) return digest.status();
  ASSIGN_OR_RETURN(const std::string bytes, ReadBase(daemon.get(), *digest));
  return elf::BtfSourceFromBytes(util::FileBytes::Copy(bytes), name);
}

absl::StatusOr<LoadedBtf> ReadNamedBtf(const std::string& name,
                                       const Under& under) {
  ASSIGN_OR_RETURN(elf::BtfSource source, ReadNamedSource(name));
  return LoadedBtf::Parse(std::move(source), name, under);
}

absl::StatusOr<std::shared_ptr<const btf::Base>> ReadNamedBase(
    const std::string& name) {
  ASSIGN_OR_RETURN(const elf::BtfSource source, ReadNamedSource(name));
  return IndexBase(source, name);
}

absl::StatusOr<util::Digest> FindBase(DirectConnection* daemon,
                                      absl::string_view beginning) {
  v1::ListBasesResponse bases;
  RETURN_IF_ERROR(Call(daemon, kListBases, v1::ListBasesRequest(), &bases));
  std::optional<std::string> found;
  for (const v1::BaseInfo& base : bases.bases()) {
    if (!absl::StartsWith(absl::BytesToHexString(base.digest()),
                          absl::AsciiStrToLower(beginning))) {
      continue;
    }
    if (found.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than one base starts with ", beginning));
    }
    found = base.digest();
  }
  if (found.has_value()) return util::Digest::FromBinary(*found);
  return absl::NotFoundError(absl::StrCat("no base starts with ", beginning));
}

}  // namespace btfd::client
