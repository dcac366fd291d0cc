// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/dedup/plain_form.h"

#include <cstring>

#include "lib/btf/format.h"
#include "lib/btf/testing/builder.h"

namespace btfd::tests {

namespace {

btf::Header HeaderOf(const std::string& raw) {
  btf::Header header{};
  memcpy(&header, raw.data(), btf::kClassicHeaderSize);
  return header;
}

std::string Types(const std::string& raw) {
  const btf::Header header = HeaderOf(raw);
  return raw.substr(header.hdr_len + header.type_off, header.type_len);
}

std::string Strings(const std::string& raw) {
  const btf::Header header = HeaderOf(raw);
  return raw.substr(header.hdr_len + header.str_off, header.str_len);
}

std::string Assembled(const std::string& types, const std::string& strings) {
  btf::Header header{};
  header.magic = btf::kMagic;
  header.version = btf::kVersion;
  header.hdr_len = btf::kClassicHeaderSize;
  header.type_len = static_cast<uint32_t>(types.size());
  header.str_off = header.type_len;
  header.str_len = static_cast<uint32_t>(strings.size());
  return std::string(reinterpret_cast<const char*>(&header),
                     btf::kClassicHeaderSize) +
         types + strings;
}

}  // namespace

std::string PlainForm(const std::string& raw) {
  const bool is_foreign = HeaderOf(raw).magic != btf::kMagic;
  const std::string own = is_foreign ? btf::testing::SwapEndian(raw) : raw;
  return Assembled(Types(own), Strings(own));
}

std::string Concatenated(const std::string& base, const std::string& split) {
  return Assembled(Types(base) + Types(split), Strings(base) + Strings(split));
}

std::string WithString(const std::string& raw, const std::string& text) {
  return Assembled(Types(raw), Strings(raw) + text + '\0');
}

}  // namespace btfd::tests
