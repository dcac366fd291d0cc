// SPDX-License-Identifier: Apache-2.0
//
// Showing and comparing hostile BTF: two splits over one base, each as text, as
// JSON and as C, all of it and single types with what they need; and what the
// one differs in from the other; and the report of both as modules of that
// base. Each of their bytes must be in one place of it. (C is written by
// libbpf, which nothing but our check keeps from recursing without an end, or
// dividing by zero.) A BTF does not differ from itself.
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/diff/compare.h"
#include "lib/diff/modules.h"
#include "lib/diff/report.h"
#include "lib/report/measure.h"
#include "lib/report/render.h"
#include "lib/report/report.h"
#include "lib/show/c_text.h"
#include "lib/show/json_text.h"
#include "lib/show/raw_text.h"
#include "lib/show/selection.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

// Small, so that the fuzzer is fast, and large enough for any seed.
constexpr uint64_t kSteps = 1 << 18;

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

void Show(const btf::Btf& btf) {
  std::string text;
  util::JsonWriter json;
  json.Open('[');
  for (const show::ShownType& shown : show::AllOwn(btf)) {
    show::AppendRawText(btf, shown, &text);
    show::AddJson(btf, shown, &json);
    if (text.size() > kSteps) break;
  }
  util::WorkBudget work(kSteps);
  show::AppendC(btf, &work, &text).IgnoreError();
  for (btf::TypeId id = 1; id < btf.end_id() && id < 64; ++id) {
    show::WithNeeded(btf, {id}).status().IgnoreError();
    util::WorkBudget work_of_one(kSteps / 16);
    std::string header;
    show::AppendC(btf, {id}, &work_of_one, &header).IgnoreError();
  }
  show::FindTypes(btf, "struct list_haed").status().IgnoreError();
}

// How many changes there are; -1 if they are not to be had.
int Compare(const btf::Btf& a, const btf::Btf& b, const btf::Base* base) {
  util::WorkBudget work(kSteps);
  auto a_side = diff::Side::Make(a, &work);
  auto b_side = diff::Side::Make(b, &work);
  if (!a_side.ok() || !b_side.ok()) return -1;
  const auto a_kfuncs = diff::KfuncsOf(a, std::nullopt);
  const auto b_kfuncs = diff::KfuncsOf(b, std::nullopt);
  if (!a_kfuncs.ok() || !b_kfuncs.ok()) return -1;
  const auto changes =
      diff::Compare(&*a_side, &*b_side, *a_kfuncs, *b_kfuncs, &work);
  if (!changes.ok()) return -1;
  std::string text;
  diff::AppendText(*changes, &text);
  Expect(text.empty() == changes->empty());
  util::JsonWriter json;
  json.Open('[');
  diff::AddJson(*changes, &json);
  if (base != nullptr) diff::CheckRelocatesOnto(a, *base).IgnoreError();
  return static_cast<int>(changes->size());
}

// Without a dedup index, whose engine has fuzzers of its own.
void Report(const btf::Base* base, absl::string_view a, absl::string_view b) {
  std::optional<report::BaseKeys> keys;
  if (base != nullptr) {
    absl::StatusOr<report::BaseKeys> made = report::BaseKeys::Make(*base);
    if (!made.ok()) return;
    keys = *std::move(made);
  }
  report::Report report;
  for (const absl::string_view raw : {a, b}) {
    report::ModuleInput module;
    module.btf = raw;
    module.base = keys.has_value() ? &*keys : nullptr;
    module.has_symbols = true;
    module.symbols = {"f", "f", "g.isra.0"};
    module.only_count = true;
    absl::StatusOr<report::ModuleSizes> sizes = report::Measure(module);
    if (!sizes.ok()) continue;
    uint64_t records = 0;
    for (const report::KindSize& kind : sizes->kinds) records += kind.bytes;
    Expect(records + sizes->string_bytes <= raw.size());
    report.Add("</script>.ko", *std::move(sizes));
  }
  report.Finish();
  const report::Summary& sum = report.summary();
  uint64_t records = 0;
  for (const report::KindSize& kind : sum.kinds) records += kind.bytes;
  Expect(sum.copied_bytes + sum.repeated_bytes + sum.alone_bytes == records);
  Expect(!report::Text(report, {"fuzzed", "base"}, 10).empty());
  Expect(report::Page(report, {"fuzzed", "base"}).find("</script>.ko") ==
         std::string::npos);
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  fuzz::Parts parts(data, size);
  const fuzz::ExactCopy base_bytes = parts.Part();
  const fuzz::ExactCopy a_bytes = parts.Part();
  const fuzz::ExactCopy b_bytes = parts.Part();
  std::pmr::monotonic_buffer_resource memory;
  const auto base = btf::Base::Build(base_bytes.view());
  const btf::Base* const under = base.ok() ? base->get() : nullptr;
  const auto alone =
      btf::Btf::Parse(base_bytes.view(), nullptr, ".BTF", &memory);
  if (alone.ok()) {
    fuzz::Show(*alone);
    fuzz::Expect(fuzz::Compare(*alone, *alone, nullptr) <= 0);
  }
  const auto a = btf::Btf::Parse(a_bytes.view(), under, ".BTF", &memory);
  const auto b = btf::Btf::Parse(b_bytes.view(), under, ".BTF", &memory);
  fuzz::Report(under, a_bytes.view(), b_bytes.view());
  if (a.ok()) fuzz::Show(*a);
  if (a.ok() && b.ok()) {
    fuzz::Compare(*a, *b, under);
    if (alone.ok() && under != nullptr) {
      // What changed in a base, as a module meets it.
      util::WorkBudget work(fuzz::kSteps);
      auto one = diff::Side::Make(*alone, &work);
      auto other = diff::Side::Make(*b, &work);
      if (one.ok() && other.ok()) {
        const auto changes = diff::Compare(&*one, &*other, {}, {}, &work);
        if (changes.ok()) diff::ModuleImpact(*under, *changes).MetBy(*a);
      }
    }
  }
  return 0;
}
