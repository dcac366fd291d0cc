// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <functional>
#include <utility>

#include "lib/btf/testing/builder.h"
#include "tests/qemu/variants.h"

namespace btfd::tests {

namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;

constexpr uint32_t kNew = 1 << 8, kNext = 1 << 9, kDestroy = 1 << 10;

struct Entry {
  TypeId id;
  uint32_t flags = 0;
};

// A .BTF_ids section with one set.
std::string Section(uint32_t count, const std::vector<Entry>& entries) {
  std::vector<uint32_t> words = {count, /*flags=*/1};
  for (const Entry& entry : entries) {
    words.push_back(entry.id);
    words.push_back(entry.flags);
  }
  words.resize(2 + 2 * kKfuncs);
  std::string bytes(4 * words.size(), '\0');
  memcpy(&bytes[0], words.data(), bytes.size());
  return bytes;
}

// A set with these entries. `b` has the types of the test; the functions of the
// remaining entries are right.
Variant WithSet(std::string label, BtfBuilder* b,
                const std::function<std::vector<Entry>(BtfBuilder*)>& add) {
  std::vector<Entry> entries = add(b);
  const TypeId proto = b->Proto(0);
  while (entries.size() < kKfuncs) {
    const std::string name = "my_kfunc_" + std::to_string(entries.size());
    entries.push_back({b->Func(name, proto)});
  }
  return {std::move(label), b->Build(), "", Section(kKfuncs, entries)};
}

// A FUNC whose parameters have these types.
TypeId Func(BtfBuilder* b, const char* name, TypeId returns,
            const std::vector<TypeId>& takes) {
  std::vector<btf::testing::ParamSpec> params;
  for (TypeId id : takes) params.push_back({"a", id});
  return b->Func(name, b->Proto(returns, params));
}

// Variants in which one iterator function is alone.
void AddIterators(const btf::Base& vmlinux, std::vector<Variant>* all) {
  const auto add = [&](const char* label, uint32_t bytes, uint32_t flags,
                       const char* name, bool returns_pointer, int arguments) {
    BtfBuilder split(vmlinux);
    all->push_back(WithSet(label, &split, [&](BtfBuilder* b) {
      const TypeId integer = b->Int("int", 4);
      const TypeId it = b->Ptr(b->Struct("bpf_iter_my", bytes));
      std::vector<TypeId> takes = {it, integer};
      takes.resize(arguments);
      const TypeId returns = returns_pointer           ? b->Ptr(integer)
                             : (flags & kDestroy) != 0 ? 0
                                                       : integer;
      return std::vector<Entry>{{Func(b, name, returns, takes), flags}};
    }));
  };
  add("iter new", 16, kNew, "bpf_iter_my_new", false, 2);
  add("iter new of 12 bytes", 12, kNew, "bpf_iter_my_new", false, 2);
  add("iter new, without arguments", 16, kNew, "bpf_iter_my_new", false, 0);
  add("iter new, by another name", 16, kNew, "bpf_iter_me_new", false, 2);
  add("iter new and next", 16, kNew | kNext, "bpf_iter_my_new", true, 1);
  add("iter next", 16, kNext, "bpf_iter_my_next", true, 1);
  add("iter next of a number", 16, kNext, "bpf_iter_my_next", false, 1);
  add("iter next of two", 16, kNext, "bpf_iter_my_next", true, 2);
  add("iter destroy", 16, kDestroy, "bpf_iter_my_destroy", false, 1);
  add("iter destroy that returns", 16, kDestroy, "bpf_iter_my_destroy", true,
      1);
}

}  // namespace

std::vector<Variant> KfuncVariants(const btf::Base& vmlinux) {
  std::vector<Variant> all;
  const auto add = [&](const char* label,
                       const std::function<TypeId(BtfBuilder*)>& first) {
    BtfBuilder split(vmlinux);
    all.push_back(WithSet(label, &split, [&](BtfBuilder* b) {
      return std::vector<Entry>{{first(b)}};
    }));
  };
  add("kfuncs", [](BtfBuilder* b) { return b->Func("my_own", b->Proto(0)); });
  add("a kfunc without an id", [](BtfBuilder*) { return 0; });
  add("a struct as a kfunc",
      [](BtfBuilder* b) { return b->Struct("my_struct", 4); });
  add("a kfunc beyond the last type", [](BtfBuilder*) { return 0x80000; });
  add("a function of the kernel's own",
      [](BtfBuilder* b) { return b->Func("schedule", b->Proto(0)); });
  all.push_back(all[0]);
  all.back().label = "not finalized";
  all.back().ids = Section(0, {});
  AddIterators(vmlinux, &all);
  // Over a base of its own, with the ids of that base.
  BtfBuilder base;
  base.Int("int", 4);
  for (TypeId id : {2, 3}) {
    BtfBuilder split(base);
    all.push_back(WithSet("distilled", &split, [&](BtfBuilder* b) {
      b->Func("my_first", b->Proto(1));
      return std::vector<Entry>{{id}};
    }));
    all.back().distilled_base = base.Build();
  }
  return all;
}

}  // namespace btfd::tests
