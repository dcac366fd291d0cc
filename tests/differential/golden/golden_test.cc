// SPDX-License-Identifier: Apache-2.0
//
// What is kept on disks and in shared caches has a version: a base's blob, the
// blob of its dedup index, and (by the engine's version) every result. These
// tests fail when one of their bytes changes. The change then needs a higher
// version; otherwise an old blob would be taken for a new one.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/dedup_index_blob.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/digest.h"
#include "tests/differential/generator/generator.h"
#include "tests/support/profile_steps.h"

namespace btfd::tests {
namespace {

constexpr uint64_t kSeeds = 40;

constexpr char kRaise[] =
    "bytes have changed: if that is meant, raise the version and put it and "
    "the "
    "new digest here";

template <typename Use>
void ForEachBase(const Use& use) {
  int bases = 0;
  for (const Style style : kAllStyles) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const GeneratedCase input = Generate(style, seed);
      if (!input.has_base) continue;
      const auto base = btf::Base::Build(input.base);
      if (!base.ok()) continue;
      const auto index = btf::DedupIndex::Build(**base);
      if (!index.ok()) continue;
      ++bases;
      use(input, **base, **index);
    }
  }
  EXPECT_GT(bases, 50);
}

std::string NameOf(uint32_t version, const std::string& all) {
  return absl::StrCat("version ", version, ", ", util::Digest::Of(all).hex());
}

TEST(Golden, ABasesBlob) {
  std::string all;
  ForEachBase(
      [&](const GeneratedCase&, const btf::Base& base, const btf::DedupIndex&) {
        absl::StrAppend(&all, base.blob());
      });
  EXPECT_EQ(NameOf(btf::kBaseBlobVersion, all),
            "version 1, "
            "6765f540b38bbf600b7b462d0a3f6ddc854b91e0f0439b5b96e09d5ff3bde4a4")
      << kRaise << " (kBaseBlobVersion in lib/btf/base_blob.h)";
}

TEST(Golden, ADedupIndexsBlob) {
  std::string all;
  ForEachBase([&](const GeneratedCase&, const btf::Base&,
                  const btf::DedupIndex& index) {
    absl::StrAppend(&all, index.blob());
  });
  EXPECT_EQ(NameOf(btf::kDedupBlobVersion, all),
            "version 1, "
            "b98f08b4c7ab0976fc753a55dfc82f30f874cd9817ab98108044d6d71672a4af")
      << kRaise << " (kDedupBlobVersion in lib/btf/dedup_index_blob.h)";
}

TEST(Golden, WhatTheEngineMakes) {
  std::string all;
  int finalized = 0;
  ForEachBase([&](const GeneratedCase& input, const btf::Base& base,
                  const btf::DedupIndex& index) {
    for (const char* release : {"6.x", "7.0", "7.2", "7.3"}) {
      for (const bool distill : {false, true}) {
        engine::FinalizeInput finalize;
        finalize.btf = input.split;
        finalize.base = &base;
        finalize.dedup_index = &index;
        util::Arena arena;
        engine::FinalizeOutput output;
        const absl::Status status = engine::Finalize(
            finalize, StepsForProfile(release, distill), &arena, &output);
        absl::StrAppend(&all, status.ToString(), output.btf.value_or("-"),
                        output.btf_base.value_or("-"));
        finalized += status.ok();
      }
    }
  });
  EXPECT_GT(finalized, 200);
  EXPECT_EQ(NameOf(engine::kEngineVersion, all),
            "version 2, "
            "ec84b727dda4ec6aeeea76e20d3ebae96667d2881ff13619972d55bca6be1194")
      << kRaise << " (kEngineVersion in lib/util/version.h)";
}

}  // namespace
}  // namespace btfd::tests
