// SPDX-License-Identifier: Apache-2.0
#include "lib/diff/report.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace btfd::diff {

namespace {

using absl::StrAppend;
using absl::StrCat;

const char* KindOf(const Change& change) {
  return !change.a.has_value()   ? "added"
         : !change.b.has_value() ? "removed"
                                 : "changed";
}

bool HasMembers(const Change& change) {
  const Form& form = change.a.has_value() ? *change.a : *change.b;
  return change.cls == Class::kStruct || change.cls == Class::kUnion ||
         (change.cls == Class::kTypedef && form.text != "enum");
}

// "12", or "12 bit 3".
std::string Place(const Part& part) {
  std::string text = StrCat(part.bit_offset / 8);
  if (part.bit_offset % 8 != 0) StrAppend(&text, " bit ", part.bit_offset % 8);
  return text;
}

std::string Member(const Part& part) {
  std::string text =
      StrCat(part.name.empty() ? "(nameless)" : part.name, ": ", part.type);
  if (part.bitfield_size != 0) {
    StrAppend(&text, ", ", part.bitfield_size, " bits");
  }
  StrAppend(&text, " at ", Place(part));
  return text;
}

bool OnlyMoved(const PartChange& part) {
  return part.moved() && !part.retyped() && !part.resized();
}
int64_t Shift(const PartChange& part) {
  return static_cast<int64_t>(part.b->bit_offset - part.a->bit_offset);
}

// A run of members that moved by the same distance is one line.
size_t AppendMoved(const std::vector<PartChange>& parts, size_t first,
                   std::string* out) {
  size_t end = first + 1;
  while (end < parts.size() && OnlyMoved(parts[end]) &&
         Shift(parts[end]) == Shift(parts[first])) {
    ++end;
  }
  const int64_t shift = Shift(parts[first]);
  const uint64_t distance = shift < 0 ? -shift : shift;
  if (end - first == 1) {
    StrAppend(out, "  > ", parts[first].a->name);
  } else {
    StrAppend(out, "  > ", end - first, " members, ", parts[first].a->name,
              " to ", parts[end - 1].a->name);
  }
  StrAppend(out, ": ", distance % 8 == 0 ? distance / 8 : distance,
            distance % 8 == 0 ? " bytes " : " bits ",
            shift < 0 ? "to the front" : "further", "\n");
  return end;
}

void AppendMembers(const std::vector<PartChange>& parts, std::string* out) {
  for (size_t i = 0; i < parts.size();) {
    const PartChange& part = parts[i];
    if (OnlyMoved(part)) {
      i = AppendMoved(parts, i, out);
      continue;
    }
    ++i;
    if (!part.a.has_value()) {
      StrAppend(out, "  + ", Member(*part.b), "\n");
    } else if (!part.b.has_value()) {
      StrAppend(out, "  - ", Member(*part.a), "\n");
    } else {
      StrAppend(out, "  ~ ", part.a->name, ": ");
      const char* separator = "";
      if (part.retyped()) {
        StrAppend(out, part.a->type, " -> ", part.b->type);
        separator = ", ";
      }
      if (part.resized()) {
        StrAppend(out, separator, part.a->bitfield_size, " -> ",
                  part.b->bitfield_size, " bits");
        separator = ", ";
      }
      if (part.moved()) {
        StrAppend(out, separator, "at ", Place(*part.a), " -> ",
                  Place(*part.b));
      }
      *out += '\n';
    }
  }
}

void AppendValues(const std::vector<PartChange>& parts, std::string* out) {
  for (const PartChange& part : parts) {
    if (!part.a.has_value()) {
      StrAppend(out, "  + ", part.b->name, " = ", part.b->value, "\n");
    } else if (!part.b.has_value()) {
      StrAppend(out, "  - ", part.a->name, " = ", part.a->value, "\n");
    } else {
      StrAppend(out, "  ~ ", part.a->name, ": ", part.a->value, " -> ",
                part.b->value, "\n");
    }
  }
}

std::string Flags(const std::optional<uint32_t>& flags) {
  return flags.has_value() ? StrCat("0x", absl::Hex(*flags)) : "unknown";
}

// What is on one side only: in short.
void AppendOneSided(const Change& change, std::string* out) {
  const Form& form = change.a.has_value() ? *change.a : *change.b;
  StrAppend(out, change.a.has_value() ? "- " : "+ ", ClassWord(change.cls), " ",
            change.name);
  const char* separator = ": ";
  if (form.declared_only) {
    StrAppend(out, separator, "declared only");
    separator = ", ";
  }
  if (!form.text.empty()) {
    StrAppend(out, separator, form.text);
    separator = ", ";
  }
  if (form.size.has_value()) {
    StrAppend(out, separator, *form.size, " bytes");
    separator = ", ";
  }
  const auto& flags = change.a.has_value() ? change.a_flags : change.b_flags;
  if (flags.has_value()) StrAppend(out, separator, "flags ", Flags(flags));
  *out += '\n';
}

void AppendChanged(const Change& change, std::string* out) {
  const Form& a = *change.a;
  const Form& b = *change.b;
  StrAppend(out, ClassWord(change.cls), " ", change.name, ":");
  const char* separator = " ";
  const auto add = [&](const auto&... pieces) {
    StrAppend(out, separator, pieces...);
    separator = "; ";
  };
  if (a.declared_only != b.declared_only) {
    add(a.declared_only ? "declared only -> defined"
                        : "defined -> declared only");
  }
  if (a.size != b.size && a.size.has_value() && b.size.has_value()) {
    add(*a.size, " -> ", *b.size, " bytes");
  }
  if (change.a_flags != change.b_flags) {
    add("flags ", Flags(change.a_flags), " -> ", Flags(change.b_flags));
  }
  if (a.tags != b.tags) {
    add("tags (", absl::StrJoin(a.tags, ", "), ") -> (",
        absl::StrJoin(b.tags, ", "), ")");
  }
  const bool long_text =
      change.cls == Class::kFunction || change.cls == Class::kKfunc;
  if (a.text != b.text && !long_text) add(a.text, " -> ", b.text);
  *out += '\n';
  if (a.text != b.text && long_text) {
    StrAppend(out, "  - ", a.text, "\n  + ", b.text, "\n");
  }
  if (HasMembers(change)) {
    AppendMembers(change.parts, out);
  } else {
    AppendValues(change.parts, out);
  }
}

struct Counts {
  uint64_t added = 0, removed = 0, changed = 0;
};
std::map<Class, Counts> Count(const std::vector<Change>& changes) {
  std::map<Class, Counts> counts;
  for (const Change& change : changes) {
    Counts& count = counts[change.cls];
    ++(!change.a.has_value()   ? count.added
       : !change.b.has_value() ? count.removed
                               : count.changed);
  }
  return counts;
}

void AddPart(absl::string_view key, const std::optional<Part>& part,
             bool member, util::JsonWriter* json) {
  if (!part.has_value()) return;
  json->Open('{', key);
  if (member) {
    json->Add("type", part->type).Add("bits_offset", part->bit_offset);
    if (part->bitfield_size != 0) {
      json->Add("bitfield_size", part->bitfield_size);
    }
  } else {
    json->Add("val", part->value);
  }
  json->Close();
}

void AddSide(absl::string_view key, const std::optional<Form>& form,
             const std::optional<uint32_t>& flags, util::JsonWriter* json) {
  if (!form.has_value()) return;
  json->Open('{', key);
  if (form->declared_only) json->Add("declared_only", true);
  if (form->size.has_value()) json->Add("size", *form->size);
  if (!form->text.empty()) json->Add("type", form->text);
  if (flags.has_value()) json->Add("flags", *flags);
  if (!form->tags.empty()) {
    json->Open('[', "tags");
    for (const absl::string_view tag : form->tags) json->Add("", tag);
    json->Close();
  }
  json->Close();
}

}  // namespace

void AppendText(const std::vector<Change>& changes, std::string* out) {
  for (const Change& change : changes) {
    if (change.a.has_value() && change.b.has_value()) {
      AppendChanged(change, out);
    } else {
      AppendOneSided(change, out);
    }
  }
}

std::string Summary(const std::vector<Change>& changes) {
  std::string text;
  for (const auto& [cls, count] : Count(changes)) {
    StrAppend(&text, text.empty() ? "" : "; ", ClassWord(cls), ":");
    const char* separator = " ";
    for (const auto& [number, word] :
         {std::pair(count.added, "added"), std::pair(count.removed, "removed"),
          std::pair(count.changed, "changed")}) {
      if (number == 0) continue;
      StrAppend(&text, separator, number, " ", word);
      separator = ", ";
    }
  }
  return text;
}

void AddJson(const std::vector<Change>& changes, util::JsonWriter* json) {
  for (const Change& change : changes) {
    json->Open('{')
        .Add("class", ClassWord(change.cls))
        .Add("name", change.name)
        .Add("change", KindOf(change));
    AddSide("a", change.a, change.a_flags, json);
    AddSide("b", change.b, change.b_flags, json);
    if (!change.parts.empty()) {
      const bool members = HasMembers(change);
      json->Open('[', members ? "members" : "values");
      for (const PartChange& part : change.parts) {
        json->Open('{').Add("name", part.a ? part.a->name : part.b->name);
        AddPart("a", part.a, members, json);
        AddPart("b", part.b, members, json);
        json->Close();
      }
      json->Close();
    }
    json->Close();
  }
}

void AddSummary(const std::vector<Change>& changes, util::JsonWriter* json) {
  for (const auto& [cls, count] : Count(changes)) {
    json->Open('{', ClassWord(cls))
        .Add("added", count.added)
        .Add("removed", count.removed)
        .Add("changed", count.changed)
        .Close();
  }
}

}  // namespace btfd::diff
