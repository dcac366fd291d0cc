// SPDX-License-Identifier: Apache-2.0
#include "lib/report/render.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/show/labels.h"
#include "lib/util/json.h"

namespace btfd::report {

namespace {

// In a hundred.
std::string Share(uint64_t part, uint64_t whole) {
  if (whole == 0) return "0 %";
  return absl::StrFormat("%.0f %%", 100.0 * static_cast<double>(part) /
                                        static_cast<double>(whole));
}

std::string Label(const RepeatedType& type) {
  return absl::StrCat(show::KindLabel(static_cast<uint32_t>(type.kind)), " ",
                      type.name);
}

// Numbers of the modules with numbers, the largest first.
std::vector<size_t> BySize(const std::vector<ModuleLine>& modules) {
  std::vector<size_t> order;
  for (size_t i = 0; i < modules.size(); ++i) {
    if (modules[i].status.ok()) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return modules[a].sizes.bytes() > modules[b].sizes.bytes();
  });
  return order;
}

void AddRow(std::string* out, absl::string_view what, uint64_t bytes,
            uint64_t whole, absl::string_view remark = "") {
  absl::StrAppendFormat(out, "  %-36s %10s  %5s  %s\n", what, ShowBytes(bytes),
                        Share(bytes, whole), remark);
}

void AddPlaces(const Summary& sum, bool has_base, std::string* out) {
  const uint64_t whole = sum.bytes();
  absl::StrAppend(out, "\nWhere they are\n");
  if (has_base) {
    AddRow(out, "types that the base has as well", sum.copied_bytes, whole,
           absl::StrCat("in ", sum.modules_with_copies, " modules"));
  }
  AddRow(out, "types of more than one module", sum.repeated_bytes, whole,
         absl::StrCat(ShowBytes(sum.repeated_once_bytes),
                      " if each were there once"));
  AddRow(out, "types of one module alone", sum.alone_bytes, whole);
  AddRow(out, "names", sum.string_bytes, whole);
  AddRow(out, "of all, twice in one module", sum.twin_bytes, whole,
         absl::StrCat("in ", sum.modules_with_twins, " modules"));
  if (sum.base_bytes != 0) AddRow(out, ".BTF.base", sum.base_bytes, whole);
}

void AddKinds(const Summary& sum, std::string* out) {
  std::vector<size_t> kinds(kKinds);
  std::iota(kinds.begin(), kinds.end(), 0);
  std::stable_sort(kinds.begin(), kinds.end(), [&](size_t a, size_t b) {
    return sum.kinds[a].bytes > sum.kinds[b].bytes;
  });
  absl::StrAppend(out, "\nBy kind\n");
  for (const size_t kind : kinds) {
    const KindSize& size = sum.kinds[kind];
    if (size.types == 0) continue;
    AddRow(out, show::KindLabel(static_cast<uint32_t>(kind)), size.bytes,
           sum.bytes(), absl::StrCat(size.types, " types"));
  }
}

void AddModules(const Report& report, size_t top, std::string* out) {
  absl::StrAppendFormat(out, "\n%-12s %10s  %10s  %s\n", "The largest",
                        "dedup'd", "copies", "module");
  const std::vector<size_t> order = BySize(report.modules());
  for (size_t i = 0; i < std::min(top, order.size()); ++i) {
    const ModuleLine& line = report.modules()[order[i]];
    absl::StrAppendFormat(
        out, "  %10s %10s  %10s  %s\n", ShowBytes(line.sizes.bytes()),
        line.sizes.deduplicated.has_value()
            ? ShowBytes(*line.sizes.deduplicated)
            : "?",
        Share(line.copied_bytes, line.sizes.bytes()), line.name);
  }
}

void AddRepeated(const Report& report, size_t top, std::string* out) {
  absl::StrAppendFormat(out, "\n%-12s %10s  %10s  %s\n", "Repeated", "modules",
                        "each", "type");
  for (size_t i = 0; i < std::min(top, report.repeated().size()); ++i) {
    const RepeatedType& type = report.repeated()[i];
    absl::StrAppendFormat(out, "  %10s %10d  %10s  %s%s\n",
                          ShowBytes(type.total()), type.modules,
                          ShowBytes(type.bytes), Label(type),
                          type.in_base ? " (the base has it)" : "");
  }
}

void AddFunctions(const Summary& sum, std::string* out) {
  if (sum.modules_with_symbols == 0) {
    absl::StrAppend(out,
                    "\nNo module has a symbol table: which functions are "
                    "missing cannot be told\n");
    return;
  }
  absl::StrAppendFormat(out, "\nFunctions\n  %10d have a FUNC\n",
                        sum.functions_in_btf);
  for (const auto& [reason, count] : sum.missing_reasons) {
    absl::StrAppendFormat(out, "  %10d have none: %s\n", count, reason);
  }
}

void AddModuleJson(const ModuleLine& line, std::string* out) {
  util::JsonWriter json;
  json.Open('{').Add("module", line.name).Add("ok", line.status.ok());
  if (!line.status.ok()) {
    json.Add("error", line.status.message()).Close();
    absl::StrAppend(out, json.text(), "\n");
    return;
  }
  const ModuleSizes& sizes = line.sizes;
  json.Add("btf", sizes.btf_bytes)
      .Add("btf_base", sizes.base_bytes)
      .Add("strings", sizes.string_bytes)
      .Add("copied", line.copied_bytes)
      .Add("copied_types", line.copied_types)
      .Add("repeated", line.repeated_bytes)
      .Add("alone", line.alone_bytes)
      .Add("twins", line.twin_bytes);
  if (sizes.deduplicated.has_value()) {
    json.Add("deduplicated", *sizes.deduplicated);
  }
  if (sizes.distilled_btf.has_value()) {
    json.Add("distilled_btf", *sizes.distilled_btf)
        .Add("distilled_base", sizes.distilled_base.value_or(0));
  }
  if (!sizes.why_not.ok()) json.Add("why_not", sizes.why_not.message());
  json.Open('{', "kinds");
  for (size_t kind = 0; kind < kKinds; ++kind) {
    if (sizes.kinds[kind].types == 0) continue;
    json.Open('{', show::KindLabel(static_cast<uint32_t>(kind)))
        .Add("types", sizes.kinds[kind].types)
        .Add("bytes", sizes.kinds[kind].bytes)
        .Close();
  }
  json.Close();
  if (sizes.functions.has_value()) {
    json.Add("functions", sizes.functions->in_btf);
    json.Open('[', "missing_functions");
    for (const MissingFunction& missing : sizes.functions->missing) {
      json.Open('{')
          .Add("name", missing.name)
          .Add("reason", missing.reason)
          .Close();
    }
    json.Close();
  }
  json.Close();
  absl::StrAppend(out, json.text(), "\n");
}

}  // namespace

std::string ShowBytes(uint64_t bytes) {
  const double number = static_cast<double>(bytes);
  if (bytes >= 1000000) return absl::StrFormat("%.1f MB", number / 1e6);
  if (bytes >= 1000) return absl::StrFormat("%.1f kB", number / 1e3);
  return absl::StrCat(bytes, " B");
}

std::vector<std::string> Verdict(const Report& report) {
  const Summary& sum = report.summary();
  std::vector<std::string> lines;
  if (sum.shrunk_modules != 0) {
    const int64_t gone = static_cast<int64_t>(sum.shrunk_from) -
                         static_cast<int64_t>(sum.deduplicated);
    const bool much =
        gone > 0 && static_cast<uint64_t>(gone) * 20 > sum.shrunk_from;
    lines.push_back(
        much
            ? absl::StrCat(
                  Share(static_cast<uint64_t>(gone), sum.shrunk_from), " (",
                  ShowBytes(static_cast<uint64_t>(gone)),
                  ") goes by dedup against the base: ", sum.modules_with_copies,
                  " modules carry types that the base has as well, the same "
                  "in every name, size and member")
            : "The modules are deduplicated against the base: another pass "
              "takes away " +
                  ShowBytes(gone > 0 ? static_cast<uint64_t>(gone) : 0));
    if (much) {
      std::vector<std::string> names;
      for (const RepeatedType& type : report.repeated()) {
        if (!type.in_base || names.size() == 5) continue;
        names.push_back(
            absl::StrCat(Label(type), " in ", type.modules, " modules"));
      }
      lines.push_back("Most of it: " + absl::StrJoin(names, ", "));
    }
    lines.push_back(
        absl::StrCat("After dedup ", ShowBytes(sum.deduplicated),
                     "; distilled besides, .BTF ", ShowBytes(sum.distilled_btf),
                     " and .BTF.base ", ShowBytes(sum.distilled_base)));
  }
  if (sum.twin_bytes * 50 > sum.bytes()) {
    lines.push_back(absl::StrCat(
        sum.modules_with_twins, " modules have the same types more than once, ",
        ShowBytes(sum.twin_bytes),
        ": their encoder did not see that they are the same, and dedup against "
        "the base leaves most of such"));
  }
  if (sum.repeated_bytes > sum.repeated_once_bytes) {
    lines.push_back(absl::StrCat("Modules have ", ShowBytes(sum.repeated_bytes),
                                 " of types in common that the base has not; "
                                 "each of them once would be ",
                                 ShowBytes(sum.repeated_once_bytes)));
  }
  return lines;
}

std::string Text(const Report& report, const Subject& subject, size_t top) {
  const Summary& sum = report.summary();
  std::string out = absl::StrCat(
      subject.what, ": ", sum.modules, " modules, ", ShowBytes(sum.bytes()),
      " of BTF", subject.base.empty() ? "" : " over " + subject.base, "\n");
  for (const std::string& line : Verdict(report)) {
    absl::StrAppend(&out, "  ", line, "\n");
  }
  AddPlaces(sum, !subject.base.empty(), &out);
  AddKinds(sum, &out);
  AddModules(report, top, &out);
  AddRepeated(report, top, &out);
  AddFunctions(sum, &out);
  return out;
}

std::string JsonLines(const Report& report, const Subject& subject,
                      size_t top) {
  std::string out;
  for (const ModuleLine& line : report.modules()) AddModuleJson(line, &out);
  const Summary& sum = report.summary();
  util::JsonWriter json;
  json.Open('{').Open('{', "summary");
  json.Add("what", subject.what)
      .Add("base", subject.base)
      .Add("modules", sum.modules)
      .Add("failed", sum.failed)
      .Add("btf", sum.btf_bytes)
      .Add("btf_base", sum.base_bytes)
      .Add("strings", sum.string_bytes)
      .Add("copied", sum.copied_bytes)
      .Add("modules_with_copies", sum.modules_with_copies)
      .Add("repeated", sum.repeated_bytes)
      .Add("repeated_once", sum.repeated_once_bytes)
      .Add("alone", sum.alone_bytes)
      .Add("twins", sum.twin_bytes)
      .Add("shrunk_modules", sum.shrunk_modules)
      .Add("deduplicated", sum.deduplicated)
      .Add("distilled_btf", sum.distilled_btf)
      .Add("distilled_base", sum.distilled_base)
      .Add("functions", sum.functions_in_btf)
      .Add("functions_missing", sum.functions_missing);
  json.Open('{', "missing_reasons");
  for (const auto& [reason, count] : sum.missing_reasons) {
    json.Add(reason, count);
  }
  json.Close().Open('{', "kinds");
  for (size_t kind = 0; kind < kKinds; ++kind) {
    if (sum.kinds[kind].types == 0) continue;
    json.Open('{', show::KindLabel(static_cast<uint32_t>(kind)))
        .Add("types", sum.kinds[kind].types)
        .Add("bytes", sum.kinds[kind].bytes)
        .Close();
  }
  json.Close().Open('[', "types");
  for (size_t i = 0; i < std::min(top, report.repeated().size()); ++i) {
    const RepeatedType& type = report.repeated()[i];
    json.Open('{')
        .Add("kind", show::KindLabel(static_cast<uint32_t>(type.kind)))
        .Add("name", type.name)
        .Add("in_base", type.in_base)
        .Add("bytes", type.bytes)
        .Add("modules", type.modules)
        .Add("copies", type.copies)
        .Close();
  }
  json.Close().Open('[', "verdict");
  for (const std::string& line : Verdict(report)) json.Add("", line);
  json.Close().Close().Close();
  absl::StrAppend(&out, json.text(), "\n");
  return out;
}

}  // namespace btfd::report
