// SPDX-License-Identifier: Apache-2.0
#include "lib/util/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace btfd::util {

namespace {
EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }
}  // namespace

Digest Digest::Of(absl::string_view data) {
  return DigestBuilder().AddChunk(data).Finish();
}

absl::StatusOr<Digest> Digest::FromBinary(absl::string_view binary) {
  if (binary.size() != kSize) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a digest has ", kSize, " bytes, this one has ", binary.size()));
  }
  Digest digest;
  std::copy(binary.begin(), binary.end(), digest.bytes.begin());
  return digest;
}

absl::StatusOr<Digest> Digest::FromHex(absl::string_view hex) {
  const bool all_hex = std::all_of(hex.begin(), hex.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
  });
  if (hex.size() != 2 * kSize || !all_hex) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a digest of ", 2 * kSize, " hex digits: ", hex));
  }
  return FromBinary(absl::HexStringToBytes(hex));
}

std::string Digest::hex() const { return absl::BytesToHexString(binary()); }

DigestBuilder::DigestBuilder() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(Context(context_), EVP_sha256(), nullptr);
}

DigestBuilder::~DigestBuilder() { EVP_MD_CTX_free(Context(context_)); }

DigestBuilder& DigestBuilder::Add(absl::string_view field) {
  Add(uint64_t{field.size()});
  return AddChunk(field);
}

DigestBuilder& DigestBuilder::Add(uint64_t field) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(field >> (8 * i));
  EVP_DigestUpdate(Context(context_), bytes, sizeof(bytes));
  return *this;
}

DigestBuilder& DigestBuilder::AddChunk(absl::string_view bytes) {
  EVP_DigestUpdate(Context(context_), bytes.data(), bytes.size());
  return *this;
}

Digest DigestBuilder::Finish() {
  Digest digest;
  EVP_DigestFinal_ex(Context(context_), digest.bytes.data(), nullptr);
  return digest;
}

}  // namespace btfd::util
