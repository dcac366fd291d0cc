// SPDX-License-Identifier: Apache-2.0
//
// Types as C writes them where they are used: "const struct sk_buff *",
// "int (*)(void *, ...)". What has a name is named, and what has none is
// written out, so that two texts are equal if they mean the same, whatever the
// ids are.
#ifndef BTFD_LIB_DIFF_TYPE_TEXT_H_
#define BTFD_LIB_DIFF_TYPE_TEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::diff {

// The texts of one BTF, each made once. Not thread-safe.
class TypeTexts {
 public:
  // How deep what has no name may nest.
  static constexpr int kMaxDepth = 200;

  // Both must outlive it.
  TypeTexts(const btf::Btf& btf, util::WorkBudget* work);

  // Valid as long as this object. A type that cannot be written has the text
  // "?", and status() says why.
  absl::string_view Of(btf::TypeId id);
  // The text with a name in its place: "int (*call)(void)".
  std::string Declaration(btf::TypeId id, absl::string_view name);
  // "(struct file *file, size_t)" of a FUNC_PROTO, with the names of its
  // parameters.
  std::string Prototype(btf::TypeId proto, absl::string_view name);

  // InvalidArgument once something was nested too deep (or in a circle), or
  // referred beyond the last type; ResourceExhausted once texts together were
  // longer than the budget allows.
  const absl::Status& status() const { return status_; }

 private:
  // What stands before a name, and behind it.
  struct Text {
    std::string left;
    std::string right;
  };

  const Text& Parts(btf::TypeId id);
  Text Make(btf::TypeId id);
  Text Pointer(btf::TypeId id);
  std::string Anonymous(btf::TypeId id);
  std::string Params(const btf::TypeRecord& proto, bool names);
  void Fail(absl::Status status);

  const btf::Btf& btf_;
  util::WorkBudget* const work_;
  std::vector<std::unique_ptr<Text>> parts_;         // by id
  std::vector<std::unique_ptr<std::string>> whole_;  // by id
  const Text unknown_{"?", ""};
  int depth_ = 0;
  absl::Status status_;
};

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_TYPE_TEXT_H_
