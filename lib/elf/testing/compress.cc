// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/testing/compress.h"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>

#include "lib/util/endian.h"

namespace btfd::elf {
namespace {

// A compressor that does not work makes every test of this folder pointless.
void Require(bool condition) {
  if (!condition) abort();
}

std::string Gzip(absl::string_view bytes) {
  z_stream stream{};
  Require(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(&out[0]);
  stream.avail_out = static_cast<uInt>(out.size());
  Require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// With CRC32, the one check that the kernel's decoder knows.
std::string Xz(absl::string_view bytes) {
  std::string out(lzma_stream_buffer_bound(bytes.size()), '\0');
  size_t size = 0;
  Require(
      lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr,
                              reinterpret_cast<const uint8_t*>(bytes.data()),
                              bytes.size(), reinterpret_cast<uint8_t*>(&out[0]),
                              &size, out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

// With a checksum, as the zstd program adds one.
std::string Zstd(absl::string_view bytes) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size =
      ZSTD_compress2(context, &out[0], out.size(), bytes.data(), bytes.size());
  Require(!ZSTD_isError(size));
  ZSTD_freeCCtx(context);
  out.resize(size);
  return out;
}

std::string Lz4Legacy(absl::string_view bytes) {
  constexpr size_t kBlock = size_t{8} << 20;
  std::string out("\x02\x21\x4c\x18", 4);
  while (!bytes.empty()) {
    const absl::string_view block = bytes.substr(0, kBlock);
    bytes.remove_prefix(block.size());
    const size_t start = out.size();
    const int bound = LZ4_compressBound(static_cast<int>(block.size()));
    out.resize(start + 4 + bound);
    const int size = LZ4_compress_default(
        block.data(), &out[start + 4], static_cast<int>(block.size()), bound);
    Require(size > 0);
    util::StoreLittleEndian<uint32_t>(&out[start], static_cast<uint32_t>(size));
    out.resize(start + 4 + size);
  }
  return out;
}

}  // namespace

std::string Compress(Compression compression, absl::string_view bytes) {
  switch (compression) {
    case Compression::kGzip:
      return Gzip(bytes);
    case Compression::kXz:
      return Xz(bytes);
    case Compression::kZstd:
      return Zstd(bytes);
    case Compression::kLz4Legacy:
      return Lz4Legacy(bytes);
    case Compression::kNone:
      break;
  }
  abort();
}

std::string MakeBzImage(absl::string_view payload) {
  constexpr int kSetupSectors = 3;
  constexpr uint32_t kPayloadOffset = 700;  // into the protected-mode code
  std::string image((kSetupSectors + 1) * 512 + kPayloadOffset, '\0');
  image[0x1f1] = kSetupSectors;
  image.replace(0x202, 4, "HdrS");
  util::StoreLittleEndian<uint16_t>(&image[0x206], 0x020f);
  util::StoreLittleEndian<uint32_t>(&image[0x248], kPayloadOffset);
  util::StoreLittleEndian<uint32_t>(&image[0x24c],
                                    static_cast<uint32_t>(payload.size()));
  image.append(payload.data(), payload.size());
  image.append(1000, '\x90');
  return image;
}

}  // namespace btfd::elf
