// SPDX-License-Identifier: Apache-2.0
//
// The page is page.html with the numbers in it, as one JSON value.
#include "lib/report/page.h"  // made of page.html

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/report/render.h"
#include "lib/show/labels.h"
#include "lib/util/json.h"

namespace btfd::report {

namespace {

// With more the page would be larger, and nobody would see them.
constexpr size_t kTypes = 4000;
constexpr absl::string_view kPlace = "/*DATA*/null";

// The directory that all modules are in, with its slash.
absl::string_view CommonDirectory(const std::vector<ModuleLine>& modules) {
  if (modules.empty()) return "";
  absl::string_view common = modules[0].name;
  for (const ModuleLine& line : modules) {
    size_t length = 0;
    while (length < std::min(common.size(), line.name.size()) &&
           common[length] == line.name[length]) {
      ++length;
    }
    common = common.substr(0, length);
  }
  const size_t slash = common.rfind('/');
  return slash == absl::string_view::npos ? "" : common.substr(0, slash + 1);
}

// A JSON text in a script: nothing in it may end the script.
std::string ForScript(absl::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Quoted(absl::string_view text) { return util::JsonString(text); }

std::string Modules(const Report& report) {
  const size_t prefix = CommonDirectory(report.modules()).size();
  std::string out;
  const auto or_unknown = [](std::optional<uint64_t> number) {
    return number.has_value() ? absl::StrCat(*number) : "-1";
  };
  for (const ModuleLine& line : report.modules()) {
    if (!line.status.ok()) continue;
    const ModuleSizes& sizes = line.sizes;
    uint64_t types = 0;
    for (const KindSize& kind : sizes.kinds) types += kind.types;
    std::optional<uint64_t> distilled = sizes.distilled_btf;
    if (distilled.has_value()) *distilled += sizes.distilled_base.value_or(0);
    absl::StrAppend(&out, out.empty() ? "" : ",\n", "[",
                    Quoted(absl::string_view(line.name).substr(prefix)), ",",
                    sizes.bytes(), ",", line.copied_bytes, ",",
                    line.repeated_bytes, ",", line.alone_bytes, ",");
    absl::StrAppend(&out, sizes.string_bytes, ",", sizes.base_bytes, ",",
                    or_unknown(sizes.deduplicated), ",", or_unknown(distilled),
                    ",");
    const bool has_functions = sizes.functions.has_value();
    absl::StrAppend(
        &out, types, ",", has_functions ? sizes.functions->in_btf : 0, ",",
        has_functions ? absl::StrCat(sizes.functions->missing.size()) : "-1",
        "]");
  }
  return out;
}

std::string Types(const Report& report) {
  std::string out;
  for (size_t i = 0; i < std::min(kTypes, report.repeated().size()); ++i) {
    const RepeatedType& type = report.repeated()[i];
    absl::StrAppend(&out, i == 0 ? "" : ",\n", "[\"",
                    show::KindLabel(static_cast<uint32_t>(type.kind)), "\",",
                    Quoted(type.name), ",", type.bytes, ",", type.modules);
    absl::StrAppend(&out, ",", type.copies, ",", type.in_base ? 1 : 0, "]");
  }
  return out;
}

std::string Kinds(const Summary& sum) {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    if (sum.kinds[kind].types != 0) {
      order.emplace_back(sum.kinds[kind].bytes, kind);
    }
  }
  std::sort(order.rbegin(), order.rend());
  std::string out;
  for (const auto& [bytes, kind] : order) {
    absl::StrAppend(&out, out.empty() ? "" : ",", "[\"",
                    show::KindLabel(static_cast<uint32_t>(kind)), "\",",
                    sum.kinds[kind].types, ",", bytes, "]");
  }
  return out;
}

std::string Functions(const Summary& sum) {
  if (sum.modules_with_symbols == 0) {
    return "[\"no module has a symbol table\",\"?\"]";
  }
  std::string out =
      absl::StrCat("[\"have a FUNC\",", sum.functions_in_btf, "]");
  for (const auto& [reason, count] : sum.missing_reasons) {
    absl::StrAppend(&out, ",[", Quoted("have none: " + reason), ",", count,
                    "]");
  }
  return out;
}

std::string Data(const Report& report, const Subject& subject) {
  const Summary& sum = report.summary();
  std::string verdict;
  for (const std::string& line : Verdict(report)) {
    absl::StrAppend(&verdict, verdict.empty() ? "" : ",", Quoted(line));
  }
  const auto place = [](absl::string_view what, uint64_t bytes) {
    return absl::StrCat("[", Quoted(what), ",", bytes, "]");
  };
  const uint64_t records =
      sum.copied_bytes + sum.repeated_bytes + sum.alone_bytes;
  return absl::StrCat(
      "{\"what\":",
      Quoted(absl::StrCat(subject.what, ": ", sum.modules, " modules, ",
                          ShowBytes(sum.bytes()), " of BTF",
                          subject.base.empty() ? "" : " over ", subject.base)),
      ",\"verdict\":[", verdict, "],\"places\":[",
      place("types that the base has as well", sum.copied_bytes), ",",
      place("types of more than one module", sum.repeated_bytes), ",",
      place("types of one module alone", sum.alone_bytes), ",",
      place("names", sum.string_bytes), ",", place(".BTF.base", sum.base_bytes),
      ",", place("headers", sum.btf_bytes - records - sum.string_bytes),
      "],\"kinds\":[", Kinds(sum), "],\"functions\":[", Functions(sum),
      "],\"all_types\":", report.repeated().size(), ",\"modules\":[",
      Modules(report), "],\"types\":[", Types(report), "]}");
}

}  // namespace

std::string Page(const Report& report, const Subject& subject) {
  const absl::string_view page = kPage;
  const size_t place = page.find(kPlace);
  return absl::StrCat(page.substr(0, place), ForScript(Data(report, subject)),
                      page.substr(place + kPlace.size()));
}

}  // namespace btfd::report
