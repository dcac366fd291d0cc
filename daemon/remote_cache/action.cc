// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/action.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/remote_cache/packed_index.h"
#include "lib/util/endian.h"

namespace btfd::daemon::remote {

namespace {

constexpr absl::string_view kByteOrder =
    util::kHostIsBigEndian ? "big" : "little";

BlobName Put(const google::protobuf::MessageLite& message, Action* action) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  const BlobName name = BlobName::Of(bytes);
  action->blobs.push_back({name, std::move(bytes)});
  return name;
}

// The caller must add the files in the order of their names.
void AddFile(absl::string_view file, const BlobName& name,
             reapi::Directory* directory) {
  reapi::FileNode* node = directory->add_files();
  node->set_name(std::string(file));
  name.To(node->mutable_digest());
}

void AddContent(absl::string_view file, const v1::Content& content,
                reapi::Directory* directory) {
  reapi::FileNode* node = directory->add_files();
  node->set_name(std::string(file));
  node->mutable_digest()->set_hash(absl::BytesToHexString(content.digest()));
  node->mutable_digest()->set_size_bytes(static_cast<int64_t>(content.size()));
}

void AddBaseDigest(absl::string_view binary, reapi::Directory* directory,
                   Action* action) {
  std::string text = absl::StrCat(absl::BytesToHexString(binary), "\n");
  const BlobName name = BlobName::Of(text);
  action->blobs.push_back({name, std::move(text)});
  AddFile(kBaseDigestFile, name, directory);
}

Action Finish(const reapi::Command& command, const reapi::Directory& root,
              Action action) {
  reapi::Action message;
  Put(command, &action).To(message.mutable_command_digest());
  Put(root, &action).To(message.mutable_input_root_digest());
  action.name = Put(message, &action);
  return action;
}

void AddSteps(const v1::Steps& steps, reapi::Command* command) {
  const auto add = [&](absl::string_view name, uint64_t value) {
    command->add_arguments(absl::StrCat("--", name, "=", value));
  };
  add("rebase", steps.rebase());
  add("kfuncs", static_cast<uint64_t>(steps.kfuncs()));
  add("implicit_args", steps.implicit_args());
  add("kfunc_tags", steps.kfunc_tags());
  add("dedup", steps.dedup());
  add("distill", steps.distill());
  add("sort", steps.sort());
  add("resolve_ids", steps.resolve_ids());
  add("follow_resolved_ids", steps.follow_resolved_ids());
  add("new_header_size", steps.new_header_size());
  add("encoded", static_cast<uint64_t>(steps.encoded()));
}

}  // namespace

std::vector<std::string> FilesOf(store::IndexPart part) {
  const char* const file =
      part == store::IndexPart::kCore ? "base.index." : "base.dedup.";
  std::vector<std::string> files;
  for (size_t i = 0; i < kPackedParts; ++i) {
    files.push_back(absl::StrCat(file, i));
  }
  return files;
}

Action FinalizeAction(const v1::FindResultRequest& query) {
  Action action;
  reapi::Command command;
  command.add_arguments("btfd");
  command.add_arguments("finalize");
  command.add_arguments(absl::StrCat("--engine=", query.engine_version()));
  AddSteps(query.steps(), &command);
  for (const char* file : {kBtfFile, kBtfBaseFile, kBtfIdsFile}) {
    command.add_output_paths(file);
  }

  reapi::Directory root;
  AddContent(kBtfFile, query.btf(), &root);
  if (query.has_distilled_base()) {
    AddContent(kBtfBaseFile, query.distilled_base(), &root);
  }
  if (query.has_ids()) AddContent(kBtfIdsFile, query.ids(), &root);
  if (!query.base_digest().empty()) {
    AddBaseDigest(query.base_digest(), &root, &action);
  }
  return Finish(command, root, std::move(action));
}

Action IndexAction(const util::Digest& base, store::IndexPart part,
                   absl::string_view version) {
  Action action;
  reapi::Command command;
  command.add_arguments("btfd");
  command.add_arguments("index");
  command.add_arguments(absl::StrCat("--version=", version));
  command.add_arguments(absl::StrCat("--byte_order=", kByteOrder));
  command.add_arguments(absl::StrCat("--packing=", kPackingVersion));
  // Output paths must be in ascending order.
  if (part == store::IndexPart::kCore) command.add_output_paths(kRawBaseFile);
  for (std::string& file : FilesOf(part)) {
    command.add_output_paths(std::move(file));
  }

  reapi::Directory root;
  AddBaseDigest(base.binary(), &root, &action);
  return Finish(command, root, std::move(action));
}

}  // namespace btfd::daemon::remote
