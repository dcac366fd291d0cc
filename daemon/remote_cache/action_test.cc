// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/action.h"

#include <functional>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon::remote {
namespace {

using ::testing::ElementsAre;

void Name(absl::string_view bytes, v1::Content* content) {
  content->set_digest(std::string(util::Digest::Of(bytes).binary()));
  content->set_size(bytes.size());
}

// A request of profile 7.3 for an in-tree module with ids, over a base.
v1::FindResultRequest SampleQuery() {
  v1::FindResultRequest query;
  query.set_engine_version(1);
  query.set_base_digest(std::string(util::Digest::Of("base").binary()));
  query.mutable_steps()->set_kfuncs(v1::KFUNCS_SET8);
  query.mutable_steps()->set_dedup(true);
  query.mutable_steps()->set_sort(true);
  query.mutable_steps()->set_new_header_size(32);
  Name("split", query.mutable_btf());
  Name("ids", query.mutable_ids());
  return query;
}

template <typename Message>
Message Parse(const Action& action, const reapi::Digest& digest) {
  Message message;
  for (const OwnedBlob& blob : action.blobs) {
    if (blob.name.digest.hex() == digest.hash()) {
      EXPECT_TRUE(message.ParseFromString(blob.bytes));
      return message;
    }
  }
  ADD_FAILURE() << "the action does not carry " << digest.hash();
  return message;
}

reapi::Action Top(const Action& action) {
  reapi::Digest digest;
  action.name.To(&digest);
  return Parse<reapi::Action>(action, digest);
}

TEST(Action, CarriesEveryBlobUnderItsOwnName) {
  for (const OwnedBlob& blob : FinalizeAction(SampleQuery()).blobs) {
    EXPECT_TRUE(blob.name.Names(blob.bytes));
  }
}

TEST(Action, TheCommandNamesTheEngineAndAllSteps) {
  const Action action = FinalizeAction(SampleQuery());
  const auto command =
      Parse<reapi::Command>(action, Top(action).command_digest());
  EXPECT_THAT(command.arguments(),
              ElementsAre("btfd", "finalize", "--engine=1", "--rebase=0",
                          "--kfuncs=2", "--implicit_args=0", "--kfunc_tags=0",
                          "--dedup=1", "--distill=0", "--sort=1",
                          "--resolve_ids=0", "--follow_resolved_ids=0",
                          "--new_header_size=32", "--encoded=0"));
  EXPECT_THAT(command.output_paths(),
              ElementsAre("BTF", "BTF.base", "BTF_ids"));
}

TEST(Action, TheInputRootHoldsBtfIdsAndTheBasesDigest) {
  const Action action = FinalizeAction(SampleQuery());
  const auto root =
      Parse<reapi::Directory>(action, Top(action).input_root_digest());
  ASSERT_EQ(root.files_size(), 3);
  EXPECT_EQ(root.files(0).name(), "BTF");
  EXPECT_EQ(root.files(0).digest().hash(), util::Digest::Of("split").hex());
  EXPECT_EQ(root.files(0).digest().size_bytes(), 5);
  EXPECT_EQ(root.files(1).name(), "BTF_ids");
  EXPECT_EQ(root.files(2).name(), "base.sha256");
  EXPECT_EQ(root.files(2).digest().hash(),
            util::Digest::Of(util::Digest::Of("base").hex() + "\n").hex());
}

// All hosts of a farm, whatever their release, must ask by the same name. If
// this test fails, the cache starts empty, and kEngineVersion must be raised.
TEST(Action, ItsNameIsTheSameEverywhereForEver) {
  EXPECT_EQ(FinalizeAction(SampleQuery()).name.digest.hex(),
            "61cc2bb942b7024f0d9009d99d4eee585250798bc20efe32584a555fe206f650");
  EXPECT_EQ(IndexAction(util::Digest::Of("base"), store::IndexPart::kCore, "1")
                .name.digest.hex(),
            "4264fce74d77d334d19a4732788279c5e315bc7bc1246f853821032bbbe0213e");
}

TEST(Action, WhateverCanChangeAByteOfTheResultChangesItsName) {
  std::set<std::string> names;
  const auto add = [&](const std::function<void(v1::FindResultRequest*)>& how) {
    v1::FindResultRequest query = SampleQuery();
    how(&query);
    EXPECT_TRUE(names.insert(FinalizeAction(query).name.digest.hex()).second);
  };
  using Query = v1::FindResultRequest*;
  add([](Query) {});
  add([](Query q) { q->set_engine_version(2); });
  add([](Query q) { q->clear_base_digest(); });
  add([](Query q) {
    q->set_base_digest(std::string(util::Digest::Of("other").binary()));
  });
  add([](Query q) { q->mutable_steps()->set_rebase(true); });
  add([](Query q) { q->mutable_steps()->set_kfuncs(v1::KFUNCS_NONE); });
  add([](Query q) { q->mutable_steps()->set_implicit_args(true); });
  add([](Query q) { q->mutable_steps()->set_kfunc_tags(true); });
  add([](Query q) { q->mutable_steps()->set_dedup(false); });
  add([](Query q) { q->mutable_steps()->set_distill(true); });
  add([](Query q) { q->mutable_steps()->set_sort(false); });
  add([](Query q) { q->mutable_steps()->set_resolve_ids(true); });
  add([](Query q) { q->mutable_steps()->set_follow_resolved_ids(true); });
  add([](Query q) { q->mutable_steps()->set_new_header_size(24); });
  add([](Query q) {
    q->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_5);
  });
  add([](Query q) {
    q->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
  });
  add([](Query q) { Name("other", q->mutable_btf()); });
  add([](Query q) { Name("base", q->mutable_distilled_base()); });
  add([](Query q) { q->clear_ids(); });
}

TEST(Action, AnIndexIsNamedByBasePartAndVersion) {
  std::set<std::string> names;
  for (const char* base : {"a", "b"}) {
    for (const auto part :
         {store::IndexPart::kCore, store::IndexPart::kDedup}) {
      for (const char* version : {"1", "2"}) {
        names.insert(IndexAction(util::Digest::Of(base), part, version)
                         .name.digest.hex());
      }
    }
  }
  EXPECT_EQ(names.size(), 8);
}

TEST(BlobName, IsSpelledAsByteStreamHasIt) {
  const BlobName name = BlobName::Of("abc");
  const std::string hash =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(name.ResourceToRead("", false), "blobs/" + hash + "/3");
  EXPECT_EQ(name.ResourceToRead("a/b", true),
            "a/b/compressed-blobs/zstd/" + hash + "/3");
  EXPECT_EQ(name.ResourceToWrite("i", "u", false),
            "i/uploads/u/blobs/" + hash + "/3");
  EXPECT_EQ(name.ResourceToWrite("i", "u", true),
            "i/uploads/u/compressed-blobs/zstd/" + hash + "/3");
}

TEST(BlobName, TakesOnlyASha256WithASize) {
  reapi::Digest digest;
  BlobName::Of("abc").To(&digest);
  ASSERT_TRUE(BlobName::From(digest).ok());
  EXPECT_EQ(*BlobName::From(digest), BlobName::Of("abc"));
  digest.set_size_bytes(-1);
  EXPECT_EQ(BlobName::From(digest).status().code(),
            absl::StatusCode::kInvalidArgument);
  digest.set_size_bytes(3);
  digest.set_hash("abc");
  EXPECT_THAT(BlobName::From(digest).status().message(),
              ::testing::HasSubstr("not a SHA-256 with a size: abc/3"));
}

}  // namespace
}  // namespace btfd::daemon::remote
