// SPDX-License-Identifier: Apache-2.0
//
// Compares Btf and Base with libbpf on the same bytes: whether they accept
// them, what they write unmodified, and what they write after each kind of
// edit. The inputs are small BTFs of all kinds and forms, and pieces of real
// ones, cut at every byte or damaged at random. Buffers have the exact size, so
// that a sanitizer finds an over-read.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <memory_resource>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/testing/builder.h"
#include "lib/util/endian.h"
#include "tests/oracle/oracle.h"
#include "tests/support/module_input.h"
#include "tests/support/testdata.h"

namespace btfd::btf {
namespace {

using testing::BlobForm;
using testing::BtfBuilder;
using testing::LayoutEntry;
using testing::StandardLayout;
using tests::OracleEditor;

using Random = std::mt19937_64;

uint64_t Below(Random& random, uint64_t limit) { return random() % limit; }

// A base, parsed by both sides.
struct BasePair {
  explicit BasePair(const std::string& raw)
      : ours(*Base::Build(raw)),
        theirs(tests::OracleEditor::Load(raw, nullptr)) {}
  std::shared_ptr<const Base> ours;
  std::unique_ptr<tests::OracleEditor> theirs;
};

// One input, parsed by both sides.
class Case {
 public:
  Case(const std::string& raw, const BasePair* base)
      : raw_(raw), size_(raw.size()), bytes_(new char[raw.size()]) {
    memcpy(bytes_.get(), raw.data(), raw.size());
    theirs_ =
        tests::OracleEditor::Load(bytes(), base ? base->theirs.get() : nullptr);
    auto parsed = Btf::Parse(bytes(), base ? base->ours.get() : nullptr, ".BTF",
                             std::pmr::new_delete_resource());
    error_ = parsed.status();
    if (parsed.ok()) ours_.emplace(std::move(parsed).value());
  }

  absl::string_view bytes() const { return {bytes_.get(), size_}; }
  bool accepted() const { return ours_.has_value(); }
  Btf& ours() { return *ours_; }
  tests::OracleEditor& theirs() { return *theirs_; }

  // Compares whether both accept the input; true if both do.
  bool SameVerdict() {
    EXPECT_EQ(accepted(), theirs_ != nullptr) << error_ << "\n" << Hex();
    if (!accepted()) {
      EXPECT_EQ(error_.code(), absl::StatusCode::kInvalidArgument) << error_;
      EXPECT_NE(error_.message().find(".BTF: offset "), std::string::npos)
          << error_;
    }
    return accepted() && theirs_ != nullptr;
  }
  void SameBytes(absl::string_view after) {
    std::string out;
    ours_->Serialize(&out);
    EXPECT_EQ(absl::BytesToHexString(out),
              absl::BytesToHexString(theirs_->Raw()))
        << "after " << after << "\n"
        << Hex();
  }
  std::string Hex() const { return absl::BytesToHexString(raw_); }

 private:
  std::string raw_;
  size_t size_;
  std::unique_ptr<char[]> bytes_;
  absl::Status error_;
  std::optional<Btf> ours_;
  std::unique_ptr<tests::OracleEditor> theirs_;
};

void AddSomeString(Case* c, const BasePair* base, Random& random) {
  static const char* const kTexts[] = {"", "int", "new", "foo", "a", "task"};
  const std::string text = kTexts[Below(random, std::size(kTexts))];
  if (base != nullptr && !base->ours->modifiable()) return;
  const int offset = c->theirs().AddString(text);
  // libbpf looks for a text in the base before it looks in the split.
  if (base != nullptr && base->ours->FindString(text)) {
    EXPECT_EQ(offset, static_cast<int>(c->ours().AddString(text)));
  } else if (!c->ours().modifiable()) {
    EXPECT_EQ(offset, -EOPNOTSUPP) << c->Hex();
  } else {
    EXPECT_EQ(offset, static_cast<int>(c->ours().AddString(text))) << c->Hex();
  }
  c->SameBytes("adding a string");
}

void AddSomeType(Case* c, Random& random) {
  const auto to = static_cast<TypeId>(Below(random, c->ours().end_id()));
  const int id = c->theirs().AddPtr(to);
  if (!c->ours().CheckModifiable().ok()) {
    EXPECT_EQ(id, -EOPNOTSUPP);
    return;
  }
  EXPECT_EQ(id, static_cast<int>(c->ours().AddType(
                    0, MakeInfo(Kind::kPtr, 0, false), to, 0)));
  c->SameBytes("adding a type");
}

// False if libbpf refuses. Its BTF may then be half prepared for edits.
bool PermuteSomehow(Case* c, Random& random) {
  const uint32_t n = c->ours().own_count();
  std::pmr::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  const int result = c->theirs().Permute({order.begin(), order.end()});
  const absl::Status status = c->ours().Permute(order);
  EXPECT_EQ(status.ok(), result == 0) << status << "\n" << c->Hex();
  if (result == -EOPNOTSUPP) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  } else if (result != 0) {
    EXPECT_EQ(result, -EINVAL);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  } else {
    c->SameBytes("a permutation");
  }
  return result == 0;
}

// Compares whether a Base accepts the same bytes, and checks that its blob
// loads.
void CompareBase(const Case& c) {
  const auto built = Base::Build(c.bytes());
  ASSERT_EQ(built.ok(), c.accepted()) << built.status() << "\n" << c.Hex();
  if (!built.ok()) return;
  const absl::string_view blob = (*built)->blob();
  util::Blob copy(blob.size());
  memcpy(copy.data(), blob.data(), blob.size());
  const auto loaded = Base::Load(std::move(copy));
  ASSERT_TRUE(loaded.ok()) << loaded.status() << "\n" << c.Hex();
  EXPECT_EQ((*loaded)->has_dangling_ids(), (*built)->has_dangling_ids());
  EXPECT_EQ((*loaded)->has_unknown_kinds(), (*built)->has_unknown_kinds());
}

// Returns whether both sides accepted the input.
bool Compare(const std::string& raw, const BasePair* base, Random& random) {
  Case c(raw, base);
  if (!c.SameVerdict()) return false;
  EXPECT_EQ(c.ours().end_id(), c.theirs().end_id());
  c.SameBytes("loading");
  // libbpf 7.2 writes out of bounds if types are added after a permutation.
  bool permuted = false;
  for (int edits = 0; edits < 3; ++edits) {
    switch (Below(random, 4)) {
      case 0:
        AddSomeString(&c, base, random);
        break;
      case 1:
        if (!permuted) AddSomeType(&c, random);
        break;
      case 2:
        if (!PermuteSomehow(&c, random)) return true;
        permuted = true;
        break;
      default:
        return true;
    }
  }
  return true;
}

// Adds one type of each kind, with forward references. Each call adds a larger
// type.
void AddAllKinds(BtfBuilder* b, TypeId other) {
  const TypeId i32 = b->Int("int", 4);
  const TypeId ptr = b->Ptr(b->next_id() + 1);
  b->Struct("foo", 12, {{"a", i32, 0}, {"next", ptr, 32}, {"", other, 64}});
  b->Struct("bits", 4, {{"a", i32, 0, 3}, {"b", i32, 3, 5}});
  b->Union("u", 4, {{"int", i32, 0}});
  b->Array(i32, i32, 7);
  b->Enum("e", 4, {{"E_A", 0}, {"E_B", -1}});
  b->Enum64("e64", 8, {{"E_C", int64_t{1} << 40}});
  b->Fwd("later");
  b->Typedef("foo_t", b->Const(b->Volatile(b->Restrict(ptr))));
  const TypeId func = b->Func("f", b->next_id() + 1);
  const TypeId proto = b->Proto(0, {{"p", ptr}, {"", i32}});
  b->Func("g", proto, 0);
  const TypeId var = b->Var("v", i32);
  b->Datasec(".data", 4, {{var, 0, 4}});
  b->Float("double", 8);
  b->DeclTag("bpf_kfunc", func);
  b->TypeTag("user", ptr);
}

// The forms of header, layout section and gaps that producers may write, odd
// ones included.
std::vector<BlobForm> Forms() {
  std::vector<BlobForm> forms;
  auto add = [&](auto&& change) {
    BlobForm form;
    change(form);
    forms.push_back(form);
    form.big_endian = true;
    forms.push_back(form);
  };
  add([](BlobForm&) {});
  for (const uint32_t hdr_len : {25, 28, 30, 31, 32, 36, 40}) {
    add([&](BlobForm& f) { f.hdr_len = hdr_len; });
  }
  add([](BlobForm& f) {
    f.hdr_len = 40;
    f.header_extra = std::string("\0\0\0\1", 4);
  });
  add([](BlobForm& f) { f.type_gap = 4; });
  add([](BlobForm& f) { f.string_gap = 3; });
  add([](BlobForm& f) { f.string_gap = 4; });
  add([](BlobForm& f) { f.trailing = "rest"; });
  add([](BlobForm& f) {
    f.version = 7;
    f.flags = 9;
  });
  for (const size_t entries : {20, 21, 22, 5}) {
    add([&](BlobForm& f) {
      f.hdr_len = 32;
      f.layout =
          StandardLayout() + LayoutEntry(4, 8, 0x1234) + LayoutEntry(0, 0, 1);
      f.layout.resize(entries * 4);
    });
  }
  add([](BlobForm& f) {
    f.hdr_len = 32;
    f.layout = StandardLayout();
    f.layout_gap = 8;
    f.string_gap = 4;
  });
  add([](BlobForm& f) {
    f.hdr_len = 32;
    f.layout = StandardLayout() + "\3";
  });
  return forms;
}

// BTFs in all forms: standalone if `base` is null, else over that builder's
// BTF.
std::vector<std::string> Seeds(const BtfBuilder* base) {
  std::vector<std::string> seeds;
  for (const BlobForm& form : Forms()) {
    for (const bool full : {true, false}) {
      BtfBuilder b = base != nullptr ? BtfBuilder(*base) : BtfBuilder();
      b.form() = form;
      if (full) AddAllKinds(&b, base != nullptr ? 3 : 1);
      seeds.push_back(b.Build());
      if (full && !form.layout.empty()) {
        b.Raw("odd", 20u << 24 | 2, 0, {1, 2, 3, 4, 5});
        seeds.push_back(b.Build());
        b.Raw("void", 0, 0);
        seeds.push_back(b.Build());
      }
    }
  }
  return seeds;
}

// Makes one to three changes of a kind that a parser has to find.
std::string Damage(std::string raw, Random& random) {
  for (uint64_t n = 1 + Below(random, 3); n > 0 && raw.size() >= 4; --n) {
    const size_t word = Below(random, raw.size() / 4) * 4;
    uint32_t value;
    memcpy(&value, &raw[word], 4);
    switch (Below(random, 9)) {
      case 0:
        value += static_cast<uint32_t>(Below(random, 9)) - 4;
        break;
      case 1:
        value = static_cast<uint32_t>(Below(random, 64));
        break;
      case 2:
        value = util::ByteSwap(static_cast<uint32_t>(Below(random, 64)));
        break;
      case 3:
        value = 0xffffffff >> Below(random, 32);
        break;
      case 4:
        value ^= 1u << Below(random, 32);
        break;
      case 5:
        raw[Below(random, raw.size())] = static_cast<char>(random());
        continue;
      case 6:
        raw.resize(raw.size() - Below(random, std::min<size_t>(raw.size(), 9)));
        continue;
      case 7: {  // a header field
        const size_t field = Below(random, 8) * 4;
        if (field + 4 > raw.size()) continue;
        memcpy(&value, &raw[field], 4);
        value += static_cast<uint32_t>(Below(random, 9)) - 4;
        memcpy(&raw[field], &value, 4);
        continue;
      }
      default:
        value = value << 24 | value >> 8;
        break;
    }
    memcpy(&raw[word], &value, 4);
  }
  return raw;
}

// A base with a type of each kind.
struct BaseBuilder : BtfBuilder {
  BaseBuilder() {
    AddAllKinds(this, 1);
    Struct("task", 4, {{"pid", 1, 0}});
  }
};

// Bases in every form that both sides accept.
std::vector<std::unique_ptr<BasePair>> Bases() {
  std::vector<std::unique_ptr<BasePair>> bases;
  BaseBuilder base;
  for (const BlobForm& form : Forms()) {
    base.form() = form;
    const std::string raw = base.Build();
    if (Base::Build(raw).ok()) bases.push_back(std::make_unique<BasePair>(raw));
  }
  return bases;
}

TEST(LibbpfDiff, EveryFormGivesLibbpfsVerdictAndBytes) {
  Random random(1);
  int accepted = 0;
  for (const std::string& raw : Seeds(nullptr)) {
    for (int edits = 0; edits < 20; ++edits) {
      accepted += Compare(raw, nullptr, random);
    }
    CompareBase(Case(raw, nullptr));
  }
  EXPECT_GT(accepted, 500);
}

TEST(LibbpfDiff, EverySplitOverEveryBaseGivesLibbpfsVerdictAndBytes) {
  Random random(2);
  const BaseBuilder base_builder;
  const std::vector<std::string> seeds = Seeds(&base_builder);
  int accepted = 0;
  for (const auto& base : Bases()) {
    for (const std::string& raw : seeds) {
      accepted += Compare(raw, base.get(), random);
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(LibbpfDiff, EveryTruncationGivesLibbpfsVerdict) {
  Random random(3);
  const BaseBuilder base_builder;
  const BasePair base(base_builder.Build());
  for (const std::string& raw : Seeds(nullptr)) {
    for (size_t size = 0; size < raw.size(); ++size) {
      Compare(raw.substr(0, size), nullptr, random);
    }
  }
  for (const std::string& raw : Seeds(&base_builder)) {
    for (size_t size = 0; size < raw.size(); size += 3) {
      Compare(raw.substr(0, size), &base, random);
    }
  }
}

TEST(LibbpfDiff, EveryHeaderLengthGivesLibbpfsVerdictAndBytes) {
  Random random(4);
  const BaseBuilder base_builder;
  const BasePair base(base_builder.Build());
  BtfBuilder filled(base_builder);
  AddAllKinds(&filled, 3);
  BtfBuilder empty(base_builder);
  for (const BtfBuilder* b : {&filled, &empty}) {
    std::string raw = b->Build() + std::string(8, '\0');
    std::string foreign = testing::SwapEndian(raw);
    for (uint32_t hdr_len = 0; hdr_len <= 48; ++hdr_len) {
      const uint32_t swapped = util::ByteSwap(hdr_len);
      memcpy(&raw[4], &hdr_len, 4);
      memcpy(&foreign[4], &swapped, 4);
      for (int edits = 0; edits < 50; ++edits) {
        Compare(raw, &base, random);
        Compare(foreign, &base, random);
      }
    }
  }
  // The types follow directly on a header without str_len.
  std::string raw(36, '\0');
  const Header header{kMagic, kVersion, 0, 20, 0, 12, 12, 0, 0, 0};
  memcpy(&raw[0], &header, 20);
  const uint32_t ptr[] = {0, MakeInfo(Kind::kPtr, 0, false), 1};
  memcpy(&raw[20], ptr, sizeof(ptr));
  for (int edits = 0; edits < 50; ++edits) {
    EXPECT_TRUE(Compare(raw, &base, random));
  }
}

TEST(LibbpfDiff, DamagedStandaloneBtfGivesLibbpfsVerdictAndBytes) {
  Random random(5);
  const std::vector<std::string> seeds = Seeds(nullptr);
  int accepted = 0;
  for (int i = 0; i < 80000; ++i) {
    const std::string raw = Damage(seeds[Below(random, seeds.size())], random);
    if (Compare(raw, nullptr, random)) {
      ++accepted;
      if (i % 8 == 0) CompareBase(Case(raw, nullptr));
    }
  }
  EXPECT_GT(accepted, 10000);
}

TEST(LibbpfDiff, DamagedSplitBtfGivesLibbpfsVerdictAndBytes) {
  Random random(6);
  const BaseBuilder base_builder;
  const std::vector<std::string> seeds = Seeds(&base_builder);
  const auto bases = Bases();
  int accepted = 0;
  for (int i = 0; i < 80000; ++i) {
    const std::string raw = Damage(seeds[Below(random, seeds.size())], random);
    accepted += Compare(raw, bases[Below(random, bases.size())].get(), random);
  }
  EXPECT_GT(accepted, 10000);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

class RealKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = tests::FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = std::move(kernel).value();
    vmlinux_ = ReadFile(kernel_.vmlinux_btf);
    base_ = std::make_unique<BasePair>(vmlinux_);
  }
  tests::Kernel kernel_;
  std::string vmlinux_;
  std::unique_ptr<BasePair> base_;
};

TEST_F(RealKernel, VmlinuxComesOutAsLibbpfGivesItAfterEveryEdit) {
  Random random(7);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Compare(vmlinux_, nullptr, random));
  const std::string swapped = testing::SwapEndian(vmlinux_);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Compare(swapped, nullptr, random));
}

TEST_F(RealKernel, ModulesComeOutAsLibbpfGivesThemWholeCutOrDamaged) {
  Random random(8);
  int modules = 0;
  for (size_t i = 0; i < kernel_.modules.size(); i += 20) {
    const auto module = tests::ReadModuleInput(kernel_.modules[i]);
    ASSERT_TRUE(module.ok()) << module.status();
    const std::string& raw = module->btf;
    if (raw.empty()) continue;
    ++modules;
    EXPECT_TRUE(Compare(raw, base_.get(), random)) << kernel_.modules[i];
    EXPECT_TRUE(Compare(testing::SwapEndian(raw), base_.get(), random));
    for (int n = 0; n < 100; ++n) {
      Compare(Damage(raw, random), base_.get(), random);
      Compare(raw.substr(0, Below(random, raw.size())), base_.get(), random);
    }
  }
  EXPECT_GT(modules, 40);
}

TEST_F(RealKernel, LookUpsInVmlinuxFindWhatLibbpfFinds) {
  const Base& base = *base_->ours;
  for (TypeId id = 1; id < base.end_id(); id += 97) {
    const TypeRecord& type = base.type(id);
    if (type.name_off == 0) continue;
    const std::string name = base.string(type.name_off);
    for (const Kind kind :
         {Kind::kFunc, Kind::kStruct, Kind::kUnion, Kind::kTypedef}) {
      const auto ids = base.FindByName(kind, name);
      const int first = base_->theirs->FindByName(kind, name);
      EXPECT_EQ(first, ids.empty() ? -ENOENT : static_cast<int>(ids[0]))
          << name;
    }
  }
  for (TypeId id = 1; id < base.end_id(); id += 97) {
    const std::string name = base.string(base.type(id).name_off);
    const std::string part = name.substr(name.size() / 2);
    for (const std::string& text : {name, part, name + "?"}) {
      const auto offset = base.FindString(text);
      EXPECT_EQ(base_->theirs->FindString(text),
                offset ? static_cast<int>(*offset) : -ENOENT)
          << text;
    }
  }
}

}  // namespace
}  // namespace btfd::btf
