// SPDX-License-Identifier: Apache-2.0
//
// Both sides are sorted by class and name, so one walk over the two meets all
// of one name at once.
#include "lib/diff/compare.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "absl/types/span.h"
#include "lib/util/status_macros.h"

namespace btfd::diff {

namespace {

struct Found {
  btf::TypeId id = 0;
  Form form;
  bool dropped = false;
};

auto Key(const Named& named) { return std::tie(named.cls, named.name); }

// For the order in which forms of one name are paired.
bool Less(const Part& a, const Part& b) {
  return std::tie(a.bit_offset, a.name, a.type, a.bitfield_size, a.value) <
         std::tie(b.bit_offset, b.name, b.type, b.bitfield_size, b.value);
}
bool Less(const Form& a, const Form& b) {
  const auto head = [](const Form& form) {
    return std::tie(form.declared_only, form.size, form.text, form.tags);
  };
  if (head(a) != head(b)) return head(a) < head(b);
  return std::lexicographical_compare(
      a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
      [](const Part& x, const Part& y) { return Less(x, y); });
}

class Comparison {
 public:
  Comparison(Side* a, Side* b, util::WorkBudget* work)
      : a_(*a), b_(*b), work_(work) {}

  absl::Status Types() {
    const std::vector<Named>& a = a_.named();
    const std::vector<Named>& b = b_.named();
    size_t i = 0;
    size_t j = 0;
    while (i < a.size() || j < b.size()) {
      const bool in_a =
          j == b.size() || (i < a.size() && Key(a[i]) <= Key(b[j]));
      const bool in_b =
          i == a.size() || (j < b.size() && Key(b[j]) <= Key(a[i]));
      const Named& first = in_a ? a[i] : b[j];
      const auto end_of_name = [&first](const std::vector<Named>& all,
                                        size_t at) {
        while (at < all.size() && Key(all[at]) == Key(first)) ++at;
        return at;
      };
      const size_t i_end = in_a ? end_of_name(a, i) : i;
      const size_t j_end = in_b ? end_of_name(b, j) : j;
      std::vector<Found> as = Forms(&a_, {a.data() + i, i_end - i});
      std::vector<Found> bs = Forms(&b_, {b.data() + j, j_end - j});
      RETURN_IF_ERROR(Check());
      RemoveCommon(&as, &bs);
      Pair(first, std::move(as), std::move(bs));
      RETURN_IF_ERROR(Check());
      i = i_end;
      j = j_end;
    }
    return absl::OkStatus();
  }

  void Kfuncs(const std::vector<Kfunc>& a, const std::vector<Kfunc>& b) {
    const auto prototypes_a = Prototypes(a_.btf());
    const auto prototypes_b = Prototypes(b_.btf());
    size_t i = 0;
    size_t j = 0;
    while (i < a.size() || j < b.size()) {
      const bool in_a =
          j == b.size() || (i < a.size() && a[i].name <= b[j].name);
      const bool in_b =
          i == a.size() || (j < b.size() && b[j].name <= a[i].name);
      Change change;
      change.cls = Class::kKfunc;
      change.name = in_a ? a[i].name : b[j].name;
      if (in_a) {
        change.a = KfuncForm(&a_, prototypes_a, change.name, &change.a_id);
        change.a_flags = a[i++].flags;
      }
      if (in_b) {
        btf::TypeId unused = 0;
        change.b = KfuncForm(&b_, prototypes_b, change.name, &unused);
        change.b_flags = b[j++].flags;
      }
      const bool flags_differ = change.a_flags.has_value() &&
                                change.b_flags.has_value() &&
                                change.a_flags != change.b_flags;
      if (in_a && in_b && !flags_differ && change.a->text == change.b->text) {
        continue;
      }
      changes_.push_back(std::move(change));
    }
  }

  absl::Status Check() {
    RETURN_IF_ERROR(a_.status());
    RETURN_IF_ERROR(b_.status());
    return work_->Check();
  }
  std::vector<Change> Take() { return std::move(changes_); }

 private:
  // The forms of one name, each once, in the order of ids. A FWD says nothing
  // where there is a definition.
  std::vector<Found> Forms(Side* side, absl::Span<const Named> named) {
    std::vector<Found> found;
    for (const Named& one : named) {
      found.push_back({one.id, side->FormOf(one)});
      if (!side->status().ok()) return found;
    }
    if (found.size() < 2) return found;
    work_->Spend(8 * found.size());
    const std::vector<Found*> order = Sorted(&found);
    for (size_t i = 1; i < order.size(); ++i) {
      // A FWD comes behind every definition.
      if (order[i]->form.declared_only ||
          order[i]->form == order[i - 1]->form) {
        order[i]->dropped = true;
      }
    }
    Drop(&found);
    return found;
  }

  // Of what is equal, the one with the lowest id comes first.
  static std::vector<Found*> Sorted(std::vector<Found>* found) {
    std::vector<Found*> order;
    for (Found& one : *found) order.push_back(&one);
    std::stable_sort(order.begin(), order.end(),
                     [](Found* x, Found* y) { return Less(x->form, y->form); });
    return order;
  }
  static void Drop(std::vector<Found>* found) {
    found->erase(std::remove_if(found->begin(), found->end(),
                                [](const Found& one) { return one.dropped; }),
                 found->end());
  }

  // Takes out what is on both sides; the order of the rest stays.
  void RemoveCommon(std::vector<Found>* as, std::vector<Found>* bs) {
    const std::vector<Found*> a = Sorted(as);
    const std::vector<Found*> b = Sorted(bs);
    for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      if (a[i]->form == b[j]->form) {
        a[i++]->dropped = b[j++]->dropped = true;
      } else if (Less(a[i]->form, b[j]->form)) {
        ++i;
      } else {
        ++j;
      }
    }
    Drop(as);
    Drop(bs);
  }

  void Pair(const Named& named, std::vector<Found> as, std::vector<Found> bs) {
    for (size_t i = 0; i < std::max(as.size(), bs.size()); ++i) {
      Change change;
      change.cls = named.cls;
      change.name = named.name;
      if (i < as.size()) {
        change.a = std::move(as[i].form);
        change.a_id = as[i].id;
      }
      if (i < bs.size()) change.b = std::move(bs[i].form);
      if (change.a && change.b) {
        change.parts = ComparedParts(change.a->parts, change.b->parts);
        // Enumerators may come in another order.
        if (change.parts.empty() && change.a->size == change.b->size &&
            change.a->text == change.b->text &&
            change.a->tags == change.b->tags &&
            change.a->declared_only == change.b->declared_only) {
          continue;
        }
      }
      changes_.push_back(std::move(change));
    }
  }

  // In the order of `b`, with what is not there any more before what followed
  // it. The n-th part of a name goes with the n-th of that name.
  std::vector<PartChange> ComparedParts(const std::vector<Part>& a,
                                        const std::vector<Part>& b) {
    std::map<absl::string_view, std::vector<size_t>> by_name;
    for (size_t j = b.size(); j > 0; --j)
      by_name[b[j - 1].name].push_back(j - 1);
    std::vector<size_t> partner(a.size(), b.size());
    std::vector<bool> paired(b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      const auto found = by_name.find(a[i].name);
      if (found == by_name.end() || found->second.empty()) continue;
      partner[i] = found->second.back();
      found->second.pop_back();
      paired[partner[i]] = true;
    }
    work_->Spend(8 * (a.size() + b.size()));
    std::vector<PartChange> changes;
    size_t j = 0;  // of the new ones
    const auto add_new_up_to = [&](size_t end) {
      for (; j < end; ++j) {
        if (!paired[j]) changes.push_back({std::nullopt, b[j]});
      }
    };
    for (size_t i = 0; i < a.size(); ++i) {
      if (partner[i] == b.size()) {
        changes.push_back({a[i], std::nullopt});
        continue;
      }
      add_new_up_to(partner[i]);
      if (!(a[i] == b[partner[i]])) changes.push_back({a[i], b[partner[i]]});
    }
    add_new_up_to(b.size());
    return changes;
  }

  static std::map<absl::string_view, btf::TypeId> Prototypes(
      const btf::Btf& btf) {
    std::map<absl::string_view, btf::TypeId> funcs;
    for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
      if (btf.own_type(id).kind() == btf::Kind::kFunc) {
        funcs.insert({btf.name(id), id});
      }
    }
    return funcs;
  }
  static Form KfuncForm(Side* side,
                        const std::map<absl::string_view, btf::TypeId>& funcs,
                        absl::string_view name, btf::TypeId* id) {
    Form form;
    const auto found = funcs.find(name);
    if (found == funcs.end()) return form;
    *id = found->second;
    form.text = side->PrototypeOf(found->second);
    return form;
  }

  Side& a_;
  Side& b_;
  util::WorkBudget* const work_;
  std::vector<Change> changes_;
};

}  // namespace

absl::StatusOr<std::vector<Change>> Compare(Side* a, Side* b,
                                            const std::vector<Kfunc>& a_kfuncs,
                                            const std::vector<Kfunc>& b_kfuncs,
                                            util::WorkBudget* work) {
  Comparison comparison(a, b, work);
  RETURN_IF_ERROR(comparison.Types());
  comparison.Kfuncs(a_kfuncs, b_kfuncs);
  RETURN_IF_ERROR(comparison.Check());
  return comparison.Take();
}

}  // namespace btfd::diff
