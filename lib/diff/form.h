// SPDX-License-Identifier: Apache-2.0
//
// What is compared, and by which name it is found: everything of a BTF that has
// a name of its own, as a class, a name, and a form that holds no id.
#ifndef BTFD_LIB_DIFF_FORM_H_
#define BTFD_LIB_DIFF_FORM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/diff/type_text.h"
#include "lib/util/work_budget.h"

namespace btfd::diff {

// In the order of a report.
enum class Class : uint8_t {
  kStruct,
  kUnion,
  kEnum,
  kConstant,  // an enumerator of an enum that has no name and no user
  kTypedef,
  kBasic,  // INT, FLOAT
  kFunction,
  kVariable,
  kKfunc,
};
// "struct", "function", ...
const char* ClassWord(Class cls);

// The class of a type that is compared by its name; nothing for the others.
std::optional<Class> ClassOf(const btf::TypeRecord& type);

// A member, or an enumerator.
struct Part {
  absl::string_view name;  // "a", or "a.b" for a member of a nameless struct
  absl::string_view type;  // of a member
  uint64_t bit_offset = 0;
  uint32_t bitfield_size = 0;
  int64_t value = 0;  // of an enumerator

  bool operator==(const Part& other) const {
    return name == other.name && type == other.type &&
           bit_offset == other.bit_offset &&
           bitfield_size == other.bitfield_size && value == other.value;
  }
};

struct Form {
  bool declared_only = false;    // a struct or union: just a FWD
  std::optional<uint64_t> size;  // bytes, of what has one
  // What a typedef stands for, a variable's type, a function's prototype; each
  // with what else there is to say (linkage, encoding).
  absl::string_view text;
  std::vector<absl::string_view> tags;  // DECL_TAGs of the whole, sorted
  std::vector<Part> parts;

  bool operator==(const Form& other) const {
    return declared_only == other.declared_only && size == other.size &&
           text == other.text && tags == other.tags && parts == other.parts;
  }
};

// One thing that is compared. Of a constant, `index` says which enumerator.
struct Named {
  Class cls;
  absl::string_view name;
  btf::TypeId id;
  uint32_t index = 0;
};

// One of the two BTFs. Not thread-safe.
class Side {
 public:
  // `btf` must outlive it. Errors: ResourceExhausted where names are longer
  // than the budget allows.
  static absl::StatusOr<Side> Make(const btf::Btf& btf, util::WorkBudget* work);
  Side(Side&&) = default;

  const btf::Btf& btf() const { return *btf_; }
  // The own types' and what their enums define, by class, name and id.
  const std::vector<Named>& named() const { return named_; }

  // Its texts live as long as this object. Look at status() afterwards.
  Form FormOf(const Named& named);
  // "static int f(struct s *s)" of a FUNC.
  absl::string_view PrototypeOf(btf::TypeId func);

  // As TypeTexts::status().
  absl::Status status() const;

 private:
  Side(const btf::Btf& btf, util::WorkBudget* work);

  absl::Status Collect();
  void CollectConstants(btf::TypeId id);
  void Flatten(btf::TypeId id, const std::string& prefix, uint64_t bit_offset,
               int depth, std::vector<Part>* parts);
  void FillTypedef(const btf::TypeRecord& type, Form* form);
  void AddValues(btf::TypeId id, std::vector<Part>* parts);
  absl::string_view Keep(std::string text);

  const btf::Btf* btf_;
  util::WorkBudget* work_;
  std::unique_ptr<TypeTexts> texts_;
  std::vector<Named> named_;
  // Whole DECL_TAGs as (what they are on, the tag), ascending.
  std::vector<std::pair<btf::TypeId, btf::TypeId>> tags_;
  std::unique_ptr<std::deque<std::string>> kept_;
  absl::Status status_;
};

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_FORM_H_
