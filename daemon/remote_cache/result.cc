// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/result.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::remote {

namespace {

// Longer warnings are sent as a blob.
constexpr size_t kMaxInlineStderr = 4096;

void AddOutput(absl::string_view path, const std::string& bytes,
               reapi::ActionResult* result, std::vector<OwnedBlob>* blobs) {
  const BlobName name = BlobName::Of(bytes);
  reapi::OutputFile* file = result->add_output_files();
  file->set_path(std::string(path));
  name.To(file->mutable_digest());
  blobs->push_back({name, bytes});
}

absl::Status NoResult(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("not a result of ours: ", why));
}

absl::StatusOr<ResultPart> OutputPart(reapi::OutputFile* file,
                                      absl::Span<const absl::string_view> paths,
                                      const std::vector<ResultPart>& others) {
  ResultPart part;
  part.path = std::move(*file->mutable_path());
  if (std::find(paths.begin(), paths.end(), part.path) == paths.end()) {
    return NoResult(absl::StrCat("output file ", part.path));
  }
  for (const ResultPart& other : others) {
    if (other.kind == part.kind && other.path == part.path) {
      return NoResult(absl::StrCat("two output files ", part.path));
    }
  }
  ASSIGN_OR_RETURN(part.name, BlobName::From(file->digest()));
  part.bytes = std::move(*file->mutable_contents());
  // An empty part has no bytes that could be fetched.
  part.inlined = !part.bytes.empty() || part.name.size == 0;
  if (part.inlined && !part.name.Names(part.bytes)) {
    return absl::DataLossError(absl::StrCat("output file ", part.path,
                                            " is not what its digest says"));
  }
  return part;
}

absl::StatusOr<ResultPart> StreamPart(ResultPart::Kind kind, std::string raw,
                                      bool has_digest,
                                      const reapi::Digest& digest) {
  ResultPart part;
  part.kind = kind;
  if (!raw.empty() || !has_digest) {
    // The server gives no digest with raw bytes, so only the message vouches
    // for them.
    part.name.size = raw.size();
    part.inlined = true;
    part.bytes = std::move(raw);
    return part;
  }
  ASSIGN_OR_RETURN(part.name, BlobName::From(digest));
  part.inlined = part.name.size == 0;
  return part;
}

absl::Status ReadCounts(absl::string_view text,
                        v1::FinalizeResponse* response) {
  uint32_t in;
  uint32_t out;
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripSuffix(text, "\n"), ' ');
  if (words.size() != 4 || words[0] != "types" || words[2] != "->" ||
      !absl::SimpleAtoi(words[1], &in) || !absl::SimpleAtoi(words[3], &out)) {
    return NoResult("stdout does not tell the numbers of types");
  }
  response->set_types_in(in);
  response->set_types_out(out);
  return absl::OkStatus();
}

absl::Status AddWarnings(absl::string_view text,
                         v1::FinalizeResponse* response) {
  if (text.empty()) return absl::OkStatus();
  if (!absl::ConsumeSuffix(&text, "\n")) {
    return NoResult("stderr does not end with a newline");
  }
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    response->add_warnings(std::string(line));
  }
  return absl::OkStatus();
}

}  // namespace

reapi::ActionResult EncodeResult(const v1::FinalizeResponse& response,
                                 std::vector<OwnedBlob>* blobs) {
  reapi::ActionResult result;
  if (response.has_btf()) {
    AddOutput(kBtfFile, response.btf(), &result, blobs);
  }
  if (response.has_btf_base()) {
    AddOutput(kBtfBaseFile, response.btf_base(), &result, blobs);
  }
  if (response.has_btf_ids()) {
    AddOutput(kBtfIdsFile, response.btf_ids(), &result, blobs);
  }
  result.set_stdout_raw(absl::StrCat("types ", response.types_in(), " -> ",
                                     response.types_out(), "\n"));
  std::string warnings;
  for (const std::string& warning : response.warnings()) {
    absl::StrAppend(&warnings, warning, "\n");
  }
  if (warnings.size() <= kMaxInlineStderr) {
    result.set_stderr_raw(std::move(warnings));
  } else {
    const BlobName name = BlobName::Of(warnings);
    name.To(result.mutable_stderr_digest());
    blobs->push_back({name, std::move(warnings)});
  }
  return result;
}

absl::StatusOr<std::vector<ResultPart>> PartsOf(
    reapi::ActionResult result, absl::Span<const absl::string_view> paths,
    uint64_t max_bytes) {
  using Kind = ResultPart::Kind;
  if (result.exit_code() != 0) {
    return NoResult(absl::StrCat("exit code ", result.exit_code()));
  }
  const auto parts = [&]() -> absl::StatusOr<std::vector<ResultPart>> {
    std::vector<ResultPart> list;
    for (reapi::OutputFile& file : *result.mutable_output_files()) {
      ASSIGN_OR_RETURN(ResultPart part, OutputPart(&file, paths, list));
      list.push_back(std::move(part));
    }
    ASSIGN_OR_RETURN(
        ResultPart out,
        StreamPart(Kind::kStdout, std::move(*result.mutable_stdout_raw()),
                   result.has_stdout_digest(), result.stdout_digest()));
    list.push_back(std::move(out));
    ASSIGN_OR_RETURN(
        ResultPart err,
        StreamPart(Kind::kStderr, std::move(*result.mutable_stderr_raw()),
                   result.has_stderr_digest(), result.stderr_digest()));
    list.push_back(std::move(err));
    return list;
  }();
  if (absl::IsInvalidArgument(parts.status())) {
    return NoResult(parts.status().message());
  }
  RETURN_IF_ERROR(parts.status());
  for (const ResultPart& part : *parts) {
    if (part.name.size > max_bytes) {
      return NoResult(absl::StrCat(part.path, " has ", part.name.size,
                                   " bytes; at most ", max_bytes,
                                   " are taken"));
    }
  }
  return parts;
}

absl::StatusOr<v1::FinalizeResponse> DecodeResult(
    std::vector<ResultPart> parts) {
  v1::FinalizeResponse response;
  for (ResultPart& part : parts) {
    switch (part.kind) {
      case ResultPart::Kind::kStdout:
        RETURN_IF_ERROR(ReadCounts(part.bytes, &response));
        break;
      case ResultPart::Kind::kStderr:
        RETURN_IF_ERROR(AddWarnings(part.bytes, &response));
        break;
      case ResultPart::Kind::kOutput:
        if (part.path == kBtfFile) {
          response.set_btf(std::move(part.bytes));
        } else if (part.path == kBtfBaseFile) {
          response.set_btf_base(std::move(part.bytes));
        } else {
          response.set_btf_ids(std::move(part.bytes));
        }
        break;
    }
  }
  response.set_outcome(v1::OK);
  return response;
}

}  // namespace btfd::daemon::remote
