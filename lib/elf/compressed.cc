// SPDX-License-Identifier: Apache-2.0
//
// Each format is a Decoder: it takes input from a cursor and puts output into
// the free end of a buffer until its stream ends. One loop drives them all; it
// alone knows the limit, lets the buffer grow by doubling up to it, and turns
// what a decoder reports into words with an offset. LZ4's legacy frame knows no
// streaming: its blocks, 8 MiB each when unpacked, are decoded one at a time.
#include "lib/elf/compressed.h"

#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {
namespace {

constexpr uint64_t kDecoderMemory = uint64_t{256} << 20;
// The kernel's `zstd -22 --ultra` wants 2^27.
constexpr int kZstdWindowLog = 27;
constexpr uint64_t kLz4BlockSize = uint64_t{8} << 20;
constexpr uint64_t kFirstBuffer = uint64_t{64} << 10;

// Input not yet consumed, in a buffer whose start is offset 0.
struct Cursor {
  absl::string_view all;
  size_t position = 0;

  absl::string_view rest() const { return all.substr(position); }
};

// What came out so far, and room for more: one byte more than the limit, which
// tells "just fits" from "too large".
class Output {
 public:
  explicit Output(uint64_t limit) : limit_(limit) {}

  char* free_data() { return &bytes_[used_]; }
  size_t free_size() const { return bytes_.size() - used_; }
  void Commit(size_t count) { used_ += count; }
  absl::string_view view() const { return {bytes_.data(), used_}; }
  bool too_large() const { return used_ > limit_; }

  // Makes room for `wanted` bytes, or for as many as the limit lets. There is
  // room for one at least unless too_large().
  void Grow(uint64_t wanted) {
    if (free_size() >= wanted) return;
    const uint64_t size =
        std::max({used_ + wanted, uint64_t{2} * used_, kFirstBuffer});
    bytes_.resize(std::min(size, limit_ + 1));
  }
  std::string Take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  const uint64_t limit_;
  std::string bytes_;
  size_t used_ = 0;
};

class Decoder {
 public:
  enum class Step { kMore, kEnd, kNoRoom, kDamaged };

  virtual ~Decoder() = default;
  // Takes what it can from `in` and puts what it can into `out`, which has
  // room. kEnd: the stream is whole. kNoRoom: `out` cannot hold what comes.
  // kDamaged: fault() says why. kMore without any progress: the input ended too
  // early.
  virtual Step Decode(Cursor& in, Output& out) = 0;
  const std::string& fault() const { return fault_; }

 protected:
  Step Fault(absl::string_view fault) {
    fault_ = std::string(fault);
    return Step::kDamaged;
  }

 private:
  std::string fault_;
};

class GzipDecoder : public Decoder {
 public:
  GzipDecoder() { ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK; }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  Step Decode(Cursor& in, Output& out) override {
    if (!ready_) return Fault("zlib cannot start");
    const absl::string_view input = in.rest();
    const size_t given = std::min(input.size(), kMost);
    const size_t room = std::min(out.free_size(), kMost);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(out.free_data());
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.position += given - stream_.avail_in;
    out.Commit(room - stream_.avail_out);
    if (result == Z_STREAM_END) return Step::kEnd;
    if (result == Z_OK || result == Z_BUF_ERROR) return Step::kMore;
    return Fault(stream_.msg != nullptr ? stream_.msg : zError(result));
  }

 private:
  // zlib counts in unsigned int.
  static constexpr size_t kMost = size_t{1} << 30;
  z_stream stream_{};
  bool ready_ = false;
};

class XzDecoder : public Decoder {
 public:
  XzDecoder() {
    ready_ = lzma_stream_decoder(&stream_, kDecoderMemory, 0) == LZMA_OK;
  }
  ~XzDecoder() override { lzma_end(&stream_); }

  Step Decode(Cursor& in, Output& out) override {
    if (!ready_) return Fault("liblzma cannot start");
    const absl::string_view input = in.rest();
    const size_t room = out.free_size();
    stream_.next_in = reinterpret_cast<const uint8_t*>(input.data());
    stream_.avail_in = input.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.free_data());
    stream_.avail_out = room;
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    in.position += input.size() - stream_.avail_in;
    out.Commit(room - stream_.avail_out);
    switch (result) {
      case LZMA_STREAM_END:
        return Step::kEnd;
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return Step::kMore;
      case LZMA_MEMLIMIT_ERROR:
        return Fault("its dictionary needs more than 256 MiB of memory");
      case LZMA_OPTIONS_ERROR:
        return Fault("it uses options or filters that are not known");
      case LZMA_FORMAT_ERROR:
        return Fault("the file format is not recognized");
      case LZMA_MEM_ERROR:
        return Fault("out of memory");
      default:
        return Fault("the data are corrupt");
    }
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ready_ = false;
};

class ZstdDecoder : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    if (stream_ != nullptr) {
      ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLog);
    }
  }
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  Step Decode(Cursor& in, Output& out) override {
    if (stream_ == nullptr) return Fault("out of memory");
    const absl::string_view input = in.rest();
    ZSTD_inBuffer source{input.data(), input.size(), 0};
    ZSTD_outBuffer target{out.free_data(), out.free_size(), 0};
    const size_t result = ZSTD_decompressStream(stream_, &target, &source);
    in.position += source.pos;
    out.Commit(target.pos);
    if (ZSTD_isError(result)) return Fault(ZSTD_getErrorName(result));
    return result == 0 ? Step::kEnd : Step::kMore;
  }

 private:
  ZSTD_DStream* const stream_;
};

// A magic, then blocks: the compressed size in four little-endian bytes, and
// the block. Nothing marks the end; a size that no block can have (another
// stream's magic, or the unpacked size that the kernel's build appends) is
// where it stops.
class Lz4LegacyDecoder : public Decoder {
 public:
  Step Decode(Cursor& in, Output& out) override {
    if (!past_magic_) {
      in.position += kMagicSize;
      past_magic_ = true;
    }
    const absl::string_view input = in.rest();
    if (input.empty()) return Step::kEnd;
    if (input.size() < kSizeBytes) return Step::kMore;
    const uint64_t size = util::LoadLittleEndian<uint32_t>(input.data());
    // With nothing behind it, it is an appended size and no block.
    if (size > LZ4_COMPRESSBOUND(kLz4BlockSize) || input.size() == kSizeBytes) {
      return Step::kEnd;
    }
    if (size > input.size() - kSizeBytes) return Step::kMore;
    // Whether a block fits is known only when it is unpacked: it is given room
    // for a whole one where the limit lets it.
    out.Grow(kLz4BlockSize);
    const size_t room = std::min<uint64_t>(out.free_size(), kLz4BlockSize);
    const int made =
        LZ4_decompress_safe(input.data() + kSizeBytes, out.free_data(),
                            static_cast<int>(size), static_cast<int>(room));
    if (made < 0) {
      if (room < kLz4BlockSize) return Step::kNoRoom;
      return Fault("the block is corrupt");
    }
    in.position += kSizeBytes + size;
    out.Commit(static_cast<size_t>(made));
    return Step::kMore;
  }

 private:
  static constexpr size_t kMagicSize = 4, kSizeBytes = 4;
  bool past_magic_ = false;
};

std::unique_ptr<Decoder> NewDecoder(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipDecoder>();
    case Compression::kXz:
      return std::make_unique<XzDecoder>();
    case Compression::kZstd:
      return std::make_unique<ZstdDecoder>();
    case Compression::kLz4Legacy:
      return std::make_unique<Lz4LegacyDecoder>();
    case Compression::kNone:
      break;
  }
  return nullptr;
}

absl::Status TooLarge(absl::string_view what, uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat(what, ": more than ", limit, " bytes when unpacked"));
}

bool CanStillStartWith(absl::string_view have, absl::string_view expected) {
  const size_t common = std::min(have.size(), expected.size());
  return have.substr(0, common) == expected.substr(0, common);
}

// Decodes the one stream at the cursor.
absl::Status DecodeStream(Compression compression, absl::string_view what,
                          const DecompressOptions& options, Cursor& in,
                          Output& out) {
  const char* name = CompressionName(compression);
  const std::unique_ptr<Decoder> decoder = NewDecoder(compression);
  for (;;) {
    const size_t in_before = in.position;
    const size_t out_before = out.view().size();
    out.Grow(1);
    const Decoder::Step step = decoder->Decode(in, out);
    if (out.too_large()) return TooLarge(what, options.max_output);
    if (!CanStillStartWith(out.view(), options.expected_start)) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": what the ", name, " data unpack to is something else"));
    }
    if (step == Decoder::Step::kEnd) return absl::OkStatus();
    if (step == Decoder::Step::kNoRoom) {
      return TooLarge(what, options.max_output);
    }
    if (step == Decoder::Step::kDamaged) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": damaged ", name, " data at offset ",
                       in.position, ": ", decoder->fault()));
    }
    if (in.position == in_before && out.view().size() == out_before) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": the ", name, " data are cut off at offset ", in.all.size()));
    }
  }
}

}  // namespace

namespace {

absl::StatusOr<std::string> DecompressAll(Compression compression,
                                          absl::string_view bytes,
                                          absl::string_view what,
                                          const DecompressOptions& options) {
  if (compression == Compression::kNone) {
    if (bytes.size() > options.max_output) {
      return TooLarge(what, options.max_output);
    }
    return std::string(bytes);
  }
  Cursor in{bytes};
  Output out(options.max_output);
  do {
    RETURN_IF_ERROR(DecodeStream(compression, what, options, in, out));
    if (options.allow_trailing) break;
    if (!in.rest().empty() && CompressionOf(in.rest()) != compression) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": ", in.rest().size(), " bytes behind the end of the ",
          CompressionName(compression), " data, at offset ", in.position));
    }
  } while (!in.rest().empty());
  return out.Take();
}

absl::Status OutOfMemory(absl::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat(what, ": more than there is memory for when unpacked"));
}

}  // namespace

// Memory for what comes out may well be missing: what asks for the most is the
// input of a stranger.
absl::StatusOr<std::string> Decompress(Compression compression,
                                       absl::string_view bytes,
                                       absl::string_view what,
                                       const DecompressOptions& options) {
  try {
    return DecompressAll(compression, bytes, what, options);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(what);
  }
}

absl::StatusOr<util::FileBytes> DecompressBytes(
    Compression compression, absl::string_view bytes, absl::string_view what,
    const DecompressOptions& options) {
  ASSIGN_OR_RETURN(const std::string plain,
                   Decompress(compression, bytes, what, options));
  try {
    return util::FileBytes::Copy(plain);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(what);
  }
}

absl::StatusOr<util::FileBytes> ReadMaybeCompressed(
    const std::string& path, const DecompressOptions& options) {
  ASSIGN_OR_RETURN(util::UniqueFd fd, util::OpenFile(path, O_RDONLY));
  ASSIGN_OR_RETURN(util::FileBytes file,
                   util::FileBytes::FromFd(fd.get(), path));
  const Compression compression = CompressionOf(file.view());
  if (compression == Compression::kNone) return file;
  return DecompressBytes(compression, file.view(), path, options);
}

}  // namespace btfd::elf
