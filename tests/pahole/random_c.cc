// SPDX-License-Identifier: Apache-2.0
//
// A program has a fixed list of type names. A unit goes through the list in
// order. For each name it decides whether it has the definition, only a
// declaration, or nothing. Most definitions are the common one, which follows
// from the program's seed and the name. By value, a definition may contain only
// types of earlier names; by pointer, it may refer to any. So every unit is
// valid. Two units differ more if more of their decisions differ.
#include "tests/pahole/random_c.h"

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace btfd::tests {

namespace {

using absl::StrCat;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // 0 .. n - 1
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  template <size_t N>
  const char* Of(const char* const (&list)[N]) {
    return list[Below(N)];
  }

 private:
  std::mt19937_64 engine_;
};

const char* const kIntegers[] = {"int",
                                 "unsigned int",
                                 "char",
                                 "signed char",
                                 "unsigned char",
                                 "short",
                                 "unsigned short",
                                 "long",
                                 "unsigned long",
                                 "long long",
                                 "unsigned long long",
                                 "_Bool",
                                 "int",
                                 "int",
                                 "unsigned int",
                                 "long"};
// Types with their widths, for bit fields.
struct Width {
  const char* name;
  int bits;
};
const Width kBitFieldTypes[] = {{"int", 32},   {"unsigned int", 32},
                                {"char", 8},   {"unsigned char", 8},
                                {"short", 16}, {"unsigned short", 16},
                                {"long", 64},  {"unsigned long long", 64},
                                {"_Bool", 1},  {"signed char", 8}};

enum class TypeKind { kStruct, kUnion, kEnum, kTypedef };

// How an expression uses a value of some type.
enum class Use { kInteger, kFloat, kPointer, kAggregate };

struct Declared {
  std::string text;  // "struct t3 *(*a)[4]"
  Use use = Use::kInteger;
  std::string type;  // the type's name, for aggregates
};

class Unit {
 public:
  Unit(uint64_t program_seed, int index, int units)
      : program_(program_seed),
        index_(index),
        units_(units),
        random_(program_seed * 1000003 + index + 1) {}

  std::string Make() {
    Random shape(program_);
    const int names = 3 + shape.Below(14);
    kinds_.clear();
    for (int i = 0; i < names; ++i) {
      kinds_.push_back(
          static_cast<TypeKind>(shape.OneIn(2) ? 0 : shape.Below(4)));
    }
    complete_.assign(names, false);
    if (random_.OneIn(12)) no_int_ = true;
    Line("extern long sink(long, ...);");
    for (int i = 0; i < names; ++i) Type(i);
    Variables();
    Functions();
    return std::move(text_);
  }

 private:
  void Line(const std::string& line) { absl::StrAppend(&text_, line, "\n"); }

  std::string Tag(int i) const {
    switch (kinds_[i]) {
      case TypeKind::kStruct:
        return StrCat("struct t", i);
      case TypeKind::kUnion:
        return StrCat("union t", i);
      case TypeKind::kEnum:
        return StrCat("enum t", i);
      case TypeKind::kTypedef:
        return StrCat("t", i);
    }
    return "";
  }

  // Writes one definition: the common one of the name, or one of this unit
  // alone.
  void Type(int i) {
    const uint64_t choice = random_.Below(10);
    if (choice == 0) return;  // a pointer to it may still declare it
    if (choice <= 2 && kinds_[i] != TypeKind::kTypedef &&
        kinds_[i] != TypeKind::kEnum) {
      Line(Tag(i) + ";");
      return;
    }
    const bool own = choice == 3;
    Random body(own ? random_.Below(1u << 30)
                    : program_ * 7919 + static_cast<uint64_t>(i));
    Random* const outer = source_;
    source_ = &body;
    limit_ = i;
    member_ = 0;
    switch (kinds_[i]) {
      case TypeKind::kStruct:
      case TypeKind::kUnion:
        Line(StrCat(Tag(i), " ", Body(0, kinds_[i] == TypeKind::kUnion),
                    Attributes(), ";"));
        break;
      case TypeKind::kEnum:
        Line(StrCat("enum ", body.OneIn(6) ? "__attribute__((packed)) " : "",
                    "t", i, " ", Enumerators(StrCat("E", i, "_")), ";"));
        break;
      case TypeKind::kTypedef:
        Line("typedef " + Declare(StrCat("t", i)).text + ";");
        break;
    }
    complete_[i] = true;
    source_ = outer;
  }

  std::string Attributes() {
    Random& r = *source_;
    if (r.OneIn(6)) return " __attribute__((packed))";
    if (r.OneIn(16))
      return StrCat(" __attribute__((aligned(", 1 << r.Below(6), ")))");
    if (r.OneIn(24)) return " __attribute__((packed, aligned(4)))";
    return "";
  }

  std::string Enumerators(const std::string& prefix) {
    Random& r = *source_;
    static const char* const kValues[] = {
        "0",  "1",           "-1",         "7",          "0x7fffffff",
        "42", "-2147483647", "0x80000000", "0xffffffff", "200"};
    static const char* const kWide[] = {
        "0x100000000", "-0x100000000", "0x7fffffffffffffff",
        "5",           "-1",           "0xffffffffffff"};
    const bool wide = r.OneIn(5);
    const bool small = !wide && r.OneIn(2);
    std::string text = "{ ";
    const int count = 1 + r.Below(5);
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&text, prefix, i);
      if (r.OneIn(2)) {
        absl::StrAppend(&text, " = ",
                        small
                            ? StrCat(r.Below(300))
                            : std::string(wide ? r.Of(kWide) : r.Of(kValues)));
        // The next value, if none is given, must not overflow.
      } else if (i > 0) {
        absl::StrAppend(&text, " = ", r.Below(1000));
      }
      absl::StrAppend(&text, ", ");
    }
    return text + "}";
  }

  std::string Body(int depth, bool is_union) {
    Random& r = *source_;
    std::string text = "{ ";
    const int members = r.OneIn(20) ? 0 : 1 + r.Below(depth == 0 ? 8 : 4);
    for (int i = 0; i < members; ++i) {
      const std::string name = StrCat("m", member_++);
      if (r.OneIn(4)) {
        absl::StrAppend(&text, BitField(name), "; ");
      } else if (depth < 3 && r.OneIn(9)) {
        const bool inner_union = r.OneIn(2);
        absl::StrAppend(
            &text, inner_union ? "union " : "struct ",
            Body(depth + 1, inner_union), Attributes(),
            r.OneIn(2) ? "" : StrCat(" ", name, r.OneIn(3) ? "[2]" : ""), "; ");
      } else if (r.OneIn(24)) {
        absl::StrAppend(&text, "enum ",
                        Enumerators(StrCat("T", limit_, name, "_")), " ", name,
                        "; ");
      } else {
        absl::StrAppend(&text, Declare(name).text, "; ");
      }
    }
    if (!is_union && members > 0 && depth == 0 && r.OneIn(14)) {
      absl::StrAppend(&text, "int before_tail; ", r.OneIn(2) ? "int" : "char",
                      " tail", r.OneIn(3) ? "[][3]" : "[]", "; ");
    }
    return text + "}";
  }

  std::string BitField(const std::string& name) {
    Random& r = *source_;
    const Width& type = kBitFieldTypes[r.Below(10)];
    if (r.OneIn(8)) return StrCat(type.name, " : ", r.Below(type.bits + 1));
    return StrCat(r.OneIn(10) ? "const " : "", type.name, " ", name, " : ",
                  1 + r.Below(type.bits));
  }

  std::string Integer() {
    Random& r = *source_;
    std::string name = r.Of(kIntegers);
    if (no_int_ && name == "int") name = "long";
    return name;
  }

  std::string Qualifier() {
    Random& r = *source_;
    if (!r.OneIn(6)) return "";
    static const char* const kQualifiers[] = {"const ", "volatile ",
                                              "const volatile "};
    return r.Of(kQualifiers);
  }

  // A declaration of `name` with a random type that is complete here.
  Declared Declare(const std::string& name) {
    Random& r = *source_;
    std::string declarator = name;
    int arrays = 0;
    if (r.OneIn(5)) {
      for (arrays = 1 + r.Below(3); arrays > 0; --arrays) {
        absl::StrAppend(&declarator, "[", r.OneIn(12) ? 0 : 1 + r.Below(6),
                        "]");
      }
    }
    return Base(declarator, /*pointee=*/false, 0);
  }

  // Puts a type before (and around) a declarator.
  Declared Base(const std::string& declarator, bool pointee, int depth) {
    Random& r = *source_;
    if (depth < 4 && r.OneIn(3)) {
      static const char* const kPointers[] = {"*", "*", "*", "* const ",
                                              "* volatile "};
      std::string inner = r.Of(kPointers) + declarator;
      if (r.OneIn(6)) {  // to a function
        inner = StrCat("(", inner, ")(", Parameters(depth + 1), ")");
        Declared result = Return(inner, depth + 1);
        result.use = Use::kPointer;
        return result;
      }
      if (r.OneIn(10)) {  // to an array
        inner = StrCat("(", inner, ")[", 1 + r.Below(5), "]");
        Declared result = Base(inner, /*pointee=*/false, depth + 1);
        result.use = Use::kPointer;
        return result;
      }
      Declared result = Base(inner, /*pointee=*/true, depth + 1);
      result.use = Use::kPointer;
      return result;
    }
    if (pointee && r.OneIn(5)) {
      return {StrCat(Qualifier(), "void ", declarator), Use::kPointer, ""};
    }
    if (pointee && r.OneIn(2)) {  // to any name, complete or not
      const size_t i = r.Below(kinds_.size());
      if (kinds_[i] == TypeKind::kStruct || kinds_[i] == TypeKind::kUnion) {
        return {StrCat(Qualifier(), Tag(i), " ", declarator), Use::kPointer,
                ""};
      }
    }
    if (limit_ > 0 && r.OneIn(3)) {
      const int i = r.Below(limit_);
      if (complete_[i] && kinds_[i] != TypeKind::kTypedef) {
        return {StrCat(Qualifier(), Tag(i), " ", declarator),
                kinds_[i] == TypeKind::kEnum ? Use::kInteger : Use::kAggregate,
                Tag(i)};
      }
      if (complete_[i]) {
        // Behind a typedef there may be any type, also an array.
        return {StrCat(Qualifier(), Tag(i), " ", declarator), Use::kAggregate,
                Tag(i)};
      }
    }
    if (r.OneIn(14)) {
      return {StrCat(r.OneIn(2) ? "float " : "double ", declarator),
              Use::kFloat, ""};
    }
    if (r.OneIn(40)) {
      return {
          StrCat(r.OneIn(2) ? "__int128 " : "unsigned __int128 ", declarator),
          Use::kInteger, ""};
    }
    return {StrCat(Qualifier(), Integer(), " ", declarator), Use::kInteger, ""};
  }

  // As Base(), for a type that a function may return.
  Declared Return(const std::string& declarator, int depth) {
    Random& r = *source_;
    if (r.OneIn(4)) return {"void " + declarator, Use::kInteger, ""};
    if (depth < 3 && r.OneIn(4)) {
      Declared result = Base("*" + declarator, /*pointee=*/true, depth + 1);
      result.use = Use::kPointer;
      return result;
    }
    return {StrCat(Integer(), " ", declarator), Use::kInteger, ""};
  }

  std::string Parameters(int depth) {
    Random& r = *source_;
    const int count = r.Below(4);
    if (count == 0) return r.OneIn(3) ? "" : "void";
    std::string text;
    for (int i = 0; i < count; ++i) {
      const std::string name = r.OneIn(3) ? StrCat("q", i) : "";
      absl::StrAppend(&text, i > 0 ? ", " : "",
                      Base(name, false, depth + 1).text);
    }
    if (r.OneIn(5)) absl::StrAppend(&text, ", ...");
    return text;
  }

  void Variables() {
    source_ = &random_;
    limit_ = kinds_.size();
    const int count = random_.Below(6);
    for (int i = 0; i < count; ++i) {
      const bool is_static = random_.OneIn(3);
      // A static variable may have the same name as one in another unit.
      const std::string name = is_static ? StrCat("v", random_.Below(6), "s", i)
                                         : StrCat("v", index_, "_", i);
      static const char* const kSections[] = {".data..percpu", ".data..percpu",
                                              ".data..percpu", ".custom"};
      const std::string section = random_.OneIn(2)
                                      ? StrCat("__attribute__((section(\"",
                                               random_.Of(kSections), "\"))) ")
                                      : "";
      // Constants (also by a typedef) cannot share a section with variables.
      std::string type;
      do {
        type = Declare(name).text;
      } while (!section.empty() && MayBeConstant(type));
      if (!is_static && random_.OneIn(4)) {
        DeclareIncompleteTypesOf(type);
        Line(StrCat("extern ", section, type, ";"));
      }
      Line(StrCat(is_static ? "static __attribute__((used)) " : "", section,
                  type, ";"));
    }
    Line(StrCat("extern ", Declare(StrCat("elsewhere", index_)).text, ";"));
  }

  bool MayBeConstant(const std::string& declaration) const {
    if (absl::StrContains(declaration, "const")) return true;
    for (size_t i = 0; i < kinds_.size(); ++i) {
      if (kinds_[i] == TypeKind::kTypedef &&
          absl::StrContains(StrCat(" ", declaration), StrCat(" t", i, " "))) {
        return true;
      }
    }
    return false;
  }

  // What a list of parameters is the first to name is another type in each
  // list, and so two declarations of one variable would conflict.
  void DeclareIncompleteTypesOf(const std::string& declaration) {
    for (size_t i = 0; i < kinds_.size(); ++i) {
      const bool has_tag =
          kinds_[i] == TypeKind::kStruct || kinds_[i] == TypeKind::kUnion;
      if (has_tag && !complete_[i] &&
          absl::StrContains(declaration, StrCat(Tag(i), " "))) {
        Line(Tag(i) + ";");
      }
    }
  }

  struct Function {
    std::string name;
    std::vector<Declared> parameters;
    bool variadic = false;
  };

  void Functions() {
    source_ = &random_;
    limit_ = kinds_.size();
    const int count = 1 + random_.Below(8);
    std::vector<Function> made;
    for (int i = 0; i < count; ++i) {
      Function function;
      // Each extern function of the common names belongs to one unit. A static
      // function may be in any unit.
      const bool is_static = random_.OneIn(2);
      function.name =
          is_static ? StrCat("f", i % 7) : StrCat("g", index_, "_", i);
      if (is_static && i >= 7) continue;
      // Often the same prototype in each unit.
      Random prototype(program_ * 31 + i);
      const bool common = is_static && !random_.OneIn(3);
      Prototype(common ? &prototype : &random_, &function);
      Define(is_static, function, made);
      made.push_back(function);
    }
  }

  void Prototype(Random* random, Function* function) {
    source_ = random;
    static const int kCounts[] = {0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9};
    const int count = kCounts[random->Below(13)];
    for (int i = 0; i < count; ++i) {
      const std::string name = StrCat("p", i);
      Declared parameter;
      // The common prototype may name a type that this unit does not have.
      parameter = Base(name, false, 0);
      if (random->OneIn(7) && limit_ > 0) {
        const int type = random->Below(limit_);
        if (complete_[type] && kinds_[type] == TypeKind::kStruct) {
          parameter = {StrCat(Tag(type), " ", name), Use::kAggregate,
                       Tag(type)};
        }
      }
      function->parameters.push_back(parameter);
    }
    function->variadic = count > 0 && random->OneIn(14);
    source_ = &random_;
  }

  void Define(bool is_static, const Function& function,
              const std::vector<Function>& callees) {
    static const char* const kStatic[] = {
        "static __attribute__((noinline, used)) ",
        "static inline ",
        "static __attribute__((noinline)) ",
        "static ",
        "static inline __attribute__((always_inline)) ",
        "static __attribute__((used)) "};
    static const char* const kExtern[] = {
        "",
        "",
        "",
        "__attribute__((weak)) ",
        "__attribute__((section(\".init.text\"))) ",
        "__attribute__((cold)) "};
    const bool is_void = random_.OneIn(5);
    std::string text = is_static ? random_.Of(kStatic) : random_.Of(kExtern);
    absl::StrAppend(&text, is_void ? "void " : Integer() + " ", function.name,
                    "(");
    for (size_t i = 0; i < function.parameters.size(); ++i) {
      absl::StrAppend(&text, i > 0 ? ", " : "", function.parameters[i].text);
    }
    if (function.parameters.empty()) absl::StrAppend(&text, "void");
    absl::StrAppend(&text, function.variadic ? ", ..." : "", ") {");
    Line(text);
    Line("  long r = 0;");
    for (size_t i = 0; i < function.parameters.size(); ++i) {
      UseParameter(function.parameters[i], StrCat("p", i));
    }
    if (random_.OneIn(5)) {
      Line(StrCat("  struct local", random_.Below(3), " { ", Declare("a").text,
                  "; long b; } local; asm volatile(\"\" : : \"r\"(&local) : "
                  "\"memory\");"));
    }
    for (const Function& callee : callees) {
      if (random_.OneIn(3)) Call(callee);
    }
    Line(is_void ? "  sink(r);" : "  return r;");
    Line("}");
  }

  void UseParameter(const Declared& parameter, const std::string& name) {
    if (random_.OneIn(4)) return;
    if (random_.OneIn(5)) Line("  r += sink(r);");
    switch (parameter.use) {
      case Use::kInteger:
      case Use::kFloat:
      case Use::kPointer:
        Line(StrCat("  r += (long)", name, ";"));
        break;
      case Use::kAggregate:
        Line(random_.OneIn(2)
                 ? StrCat("  r += sink((long)&", name, ");")
                 : StrCat("  r += *(const volatile char *)&", name, ";"));
        break;
    }
  }

  void Call(const Function& callee) {
    std::string text = StrCat("  ", callee.name, "(");
    for (size_t i = 0; i < callee.parameters.size(); ++i) {
      const Declared& parameter = callee.parameters[i];
      absl::StrAppend(&text, i > 0 ? ", " : "");
      switch (parameter.use) {
        case Use::kInteger:
        case Use::kFloat:
          absl::StrAppend(&text, random_.OneIn(2) ? "5" : "r");
          break;
        case Use::kPointer:
          absl::StrAppend(&text, random_.OneIn(2) ? "(void *)0" : "(void *)&r");
          break;
        case Use::kAggregate:
          absl::StrAppend(&text, "*(", parameter.type, " *)sink(", i, ")");
          break;
      }
    }
    Line(text + ");");
  }

  const uint64_t program_;
  const int index_;
  const int units_;
  Random random_;
  Random* source_ = &random_;
  int limit_ = 0;   // names below may be members
  int member_ = 0;  // of the definition being written
  bool no_int_ = false;
  std::vector<TypeKind> kinds_;
  std::vector<bool> complete_;
  std::string text_;
};

}  // namespace

std::vector<std::string> RandomProgram(uint64_t seed) {
  Random random(seed);
  const int units = 1 + random.Below(4);
  std::vector<std::string> sources;
  for (int i = 0; i < units; ++i) {
    sources.push_back(
        StrCat("// SPDX-License-Identifier: Apache-2.0\n// Made of seed ", seed,
               ", unit ", i, ".\n", Unit(seed, i, units).Make()));
  }
  return sources;
}

}  // namespace btfd::tests
