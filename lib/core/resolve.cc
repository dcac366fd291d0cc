// SPDX-License-Identifier: Apache-2.0
#include "lib/core/resolve.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/compatible.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::TypeId;

const std::vector<TypeId>& Resolver::Candidates(TypeId local) {
  const auto [entry, added] = candidates_.try_emplace(local);
  if (added) {
    const absl::string_view name = local_.name(local);
    local_.work().Spend(1 + name.size() / 8);
    entry->second = find_(local_.type(local).kind(), EssentialName(name));
  }
  return entry->second;
}

absl::StatusOr<std::optional<Access>> Resolver::Match(
    const Relocation& relocation, const Access& wanted,
    TypeId candidate) const {
  if (!IsAboutType(relocation.kind)) {
    return MatchAccess(local_, wanted, relocation.kind, kernel_, candidate);
  }
  const auto compare = relocation.kind == RelocationKind::kTypeMatches
                           ? DoTypesMatch
                           : AreTypesCompatible;
  ASSIGN_OR_RETURN(const bool fits,
                   compare(local_, relocation.type, kernel_, candidate));
  if (!fits) return std::optional<Access>();
  Access access;
  access.root = candidate;
  return std::optional<Access>(std::move(access));
}

absl::StatusOr<Resolution> Resolver::Compare(const Relocation& relocation,
                                             const Access& wanted,
                                             std::vector<TypeId>* candidates) {
  Resolution resolution;
  std::vector<TypeId> fitting;
  for (const TypeId candidate : *candidates) {
    ASSIGN_OR_RETURN(std::optional<Access> match,
                     Match(relocation, wanted, candidate));
    RETURN_IF_ERROR(kernel_.work().Check());
    if (!match.has_value()) {
      resolution.misfits.push_back(candidate);
      continue;
    }
    ASSIGN_OR_RETURN(const Value value,
                     ValueOf(kernel_, relocation.kind, *match));
    if (fitting.empty()) {
      resolution.value = value;
    } else if (match->bit_offset != resolution.matches[0].bit_offset ||
               !(value == resolution.value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the kernel's types ", fitting[0], " and ", candidate,
          " both fit, but differ: ", resolution.value.number, " (bit offset ",
          resolution.matches[0].bit_offset, ") and ", value.number,
          " (bit offset ", match->bit_offset, ")"));
    }
    fitting.push_back(candidate);
    resolution.matches.push_back(*std::move(match));
  }
  if (fitting.empty()) {
    resolution.value = ValueOfNothing(relocation.kind);
  } else {
    *candidates = std::move(fitting);
  }
  return resolution;
}

absl::StatusOr<Resolution> Resolver::Resolve(const Relocation& relocation) {
  const auto explain = [&](const absl::Status& status) {
    if (status.code() == absl::StatusCode::kResourceExhausted) {
      return absl::Status(
          status.code(),
          absl::StrCat(program_.name(), ": resolving its relocations ",
                       status.message()));
    }
    return program_.BadRelocation(relocation, status.message());
  };
  const absl::StatusOr<Access> wanted = ParseAccess(local_, relocation);
  if (kernel_.work().exhausted()) return explain(kernel_.work().Check());
  if (!wanted.ok()) return explain(wanted.status());
  if (*local_.name(relocation.type) == '\0') {
    return program_.BadRelocation(
        relocation, "a type without a name cannot be found in a kernel");
  }
  // The program's own value counts only in that there is one.
  const absl::StatusOr<Value> own = ValueOf(local_, relocation.kind, *wanted);
  if (!own.ok()) return explain(own.status());
  Candidates(relocation.type);
  if (kernel_.work().exhausted()) return explain(kernel_.work().Check());
  absl::StatusOr<Resolution> resolution =
      Compare(relocation, *wanted, &candidates_[relocation.type]);
  if (!resolution.ok()) return explain(resolution.status());
  return resolution;
}

}  // namespace btfd::core
