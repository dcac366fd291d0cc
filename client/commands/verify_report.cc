// SPDX-License-Identifier: Apache-2.0
#include "client/commands/verify_report.h"

#include <stdio.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/cli/command_line.h"
#include "lib/util/json.h"

namespace btfd::client {

namespace {

std::string OwnerOf(const VerifyFinding& finding) {
  return finding.owner.empty() ? "" : absl::StrCat(" (", finding.owner, ")");
}

void SayFailure(const VerifyFinding& finding) {
  const absl::string_view message = finding.status.message();
  const std::string owner = OwnerOf(finding);
  const std::string where =
      finding.base.empty() || !owner.empty()
          ? finding.module + owner
          : absl::StrCat(finding.module, " against ", finding.base);
  const bool named = absl::StrContains(message, where);
  SayError(named ? std::string(message) : absl::StrCat(where, ": ", message));
}

void AddJson(const VerifyFinding& finding) {
  util::JsonWriter json;
  json.Open('{').Add("module", finding.module).Add("ok", finding.status.ok());
  if (!finding.owner.empty()) json.Add("owner", finding.owner);
  if (!finding.has_btf) json.Add("btf", false);
  if (!finding.base.empty()) {
    json.Add("base", finding.base).Add("distilled", finding.distilled);
  }
  if (!finding.status.ok()) {
    json.Add("error", finding.status.message());
  } else if (finding.has_btf) {
    json.Add("types", finding.types)
        .Add("kernel_checked", finding.kernel_checked);
  }
  json.Close();
  puts(json.text().c_str());
}

}  // namespace

void VerifyReport::Add(const VerifyFinding& finding) {
  ++checks_;
  without_btf_ += !finding.has_btf;
  if (!finding.status.ok()) {
    ++failed_;
    SayFailure(finding);
  }
  if (form_ == Form::kJson) {
    AddJson(finding);
  } else if (form_ == Form::kEach && finding.status.ok()) {
    absl::PrintF("%s: %s %s, %d types; %d judged as the kernel does\n",
                 finding.module,
                 finding.distilled ? "relocates onto" : "parses over",
                 finding.base, finding.types, finding.kernel_checked);
  }
}

void VerifyReport::Finish(size_t modules, size_t bases) const {
  if (form_ == Form::kJson) {
    util::JsonWriter json;
    json.Open('{').Open('{', "summary");
    json.Add("modules", uint64_t{modules})
        .Add("bases", uint64_t{bases})
        .Add("checks", uint64_t{checks_})
        .Add("failed", uint64_t{failed_})
        .Add("without_btf", uint64_t{without_btf_});
    json.Close().Close();
    puts(json.text().c_str());
  } else if (form_ == Form::kEach && checks_ != 1) {
    absl::PrintF("%d checks of %d modules, %d failed\n", checks_, modules,
                 failed_);
  }
}

}  // namespace btfd::client
