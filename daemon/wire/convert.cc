// SPDX-License-Identifier: Apache-2.0
#include "daemon/wire/convert.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/util/content_sample.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

constexpr size_t kMaxBootId = 64;

absl::Status Bad(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

// Precondition: the BTF is the residue of an encoder.
absl::Status CheckEncoded(const v1::FinalizeRequest& request) {
  const v1::Steps& steps = request.steps();
  if (steps.rebase()) return Bad("steps.encoded excludes steps.rebase");
  if (steps.kernel_check()) {
    return Bad("steps.encoded excludes steps.kernel_check");
  }
  if (steps.follow_resolved_ids()) {
    return Bad("steps.encoded excludes steps.follow_resolved_ids");
  }
  if (steps.has_interned() && !request.has_base()) {
    return Bad("steps.interned needs a base");
  }
  if (!request.distilled_base().empty()) {
    return Bad("steps.encoded takes a standalone BTF, without distilled_base");
  }
  return absl::OkStatus();
}

absl::Status CheckSteps(const v1::FinalizeRequest& request) {
  const v1::Steps& steps = request.steps();
  if (steps.base_names() && !request.has_base()) {
    return Bad("steps.base_names needs a base");
  }
  if (!v1::KfuncSource_IsValid(steps.kfuncs())) {
    return Bad(absl::StrCat("steps.kfuncs has no value ", steps.kfuncs()));
  }
  if (steps.new_header_size() != 24 && steps.new_header_size() != 32) {
    return Bad(absl::StrCat("steps.new_header_size is ",
                            steps.new_header_size(), ", not 24 or 32"));
  }
  if (steps.implicit_args() && steps.kfuncs() == v1::KFUNCS_NONE) {
    return Bad("steps.implicit_args needs steps.kfuncs");
  }
  if (steps.kfunc_tags() && steps.kfuncs() != v1::KFUNCS_SET8) {
    return Bad("steps.kfunc_tags needs steps.kfuncs to be KFUNCS_SET8");
  }
  if (steps.follow_resolved_ids() && !steps.resolve_ids()) {
    return Bad("steps.follow_resolved_ids needs steps.resolve_ids");
  }
  if (steps.kernel_check() && !request.bypass_cache()) {
    return Bad("steps.kernel_check needs bypass_cache");
  }
  if (!v1::EncodedBy_IsValid(steps.encoded())) {
    return Bad(absl::StrCat("steps.encoded has no value ", steps.encoded()));
  }
  if (steps.encoded() != v1::ENCODED_BY_NONE) {
    RETURN_IF_ERROR(CheckEncoded(request));
  } else if (steps.has_interned()) {
    return Bad("steps.interned needs steps.encoded");
  }
  if (steps.rebase() && !request.has_base()) {
    return Bad("steps.rebase needs a base");
  }
  if (steps.rebase() && !request.distilled_base().empty()) {
    return Bad("steps.rebase takes a standalone BTF, without distilled_base");
  }
  return absl::OkStatus();
}

absl::Status CheckBaseRef(const v1::BaseRef& base) {
  if (!base.digest().empty()) {
    return util::Digest::FromBinary(base.digest()).status();
  }
  if (!base.has_file_key()) return Bad("base has neither digest nor file_key");
  return FileKeyOf(base.file_key()).status();
}

}  // namespace

absl::Status CheckRequest(const v1::FinalizeRequest& request) {
  if (!request.has_steps()) return Bad("the request has no steps");
  RETURN_IF_ERROR(CheckSteps(request));
  if (request.has_base()) RETURN_IF_ERROR(CheckBaseRef(request.base()));
  if (request.register_result() &&
      (request.has_base() || !request.distilled_base().empty())) {
    return Bad("register_result needs a standalone BTF: split BTF is no base");
  }
  return absl::OkStatus();
}

absl::StatusOr<store::FileKey> FileKeyOf(const v1::FileKey& key) {
  // Without a boot id, two machines could have the same key.
  if (key.boot_id().empty()) return Bad("file_key has no boot_id");
  if (key.boot_id().size() > kMaxBootId) {
    return Bad(absl::StrCat("file_key has a boot_id of more than ", kMaxBootId,
                            " bytes"));
  }
  if (key.notes().size() != util::kSampleSize ||
      key.sample().size() != util::kSampleSize) {
    return Bad(absl::StrCat("file_key's notes and sample have ",
                            util::kSampleSize, " bytes each"));
  }
  store::FileKey out;
  out.file = absl::StrCat(absl::CEscape(key.boot_id()), " ", key.mount(), " ",
                          absl::Hex(key.file_system_type()), " ",
                          absl::Hex(key.file_system_id()), " ", key.device(),
                          " ", key.inode());
  out.state = absl::StrCat(key.size(), " ", key.mtime_ns(), " ", key.ctime_ns(),
                           " ", absl::BytesToHexString(key.notes()));
  out.sample = key.sample();
  return out;
}

uint64_t BytesIn(const v1::FinalizeRequest& request) {
  return request.btf().size() + request.distilled_base().size() +
         request.ids().content().size();
}

uint64_t BytesOut(const v1::FinalizeResponse& response) {
  return response.btf().size() + response.btf_base().size() +
         response.btf_ids().size();
}

}  // namespace btfd::daemon
