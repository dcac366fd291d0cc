// SPDX-License-Identifier: Apache-2.0
// BTF's own attributes, which clang writes into DWARF.
// compilers: clang
#define T(x) __attribute__((btf_type_tag(#x)))
#define D(x) __attribute__((btf_decl_tag(#x)))
struct D(of_struct) D(again) tagged {
  int D(of_member) a;
  int T(user) * b D(of_b);
  int T(one) T(two) * T(three) * c;
  struct tagged T(rcu) * next;
  int plain;
  int D(of_bits) bits : 3;
};
union D(of_union) tagged_union {
  int a D(first);
  long b D(second) D(third);
};
typedef int tagged_typedef D(of_typedef);
typedef struct tagged T(user) * tagged_pointer;
const struct tagged T(kernel) *const constant;
void T(user) * void_pointer;
struct tagged tagged;
union tagged_union tagged_union;
int variable D(of_variable) __attribute__((section(".data..percpu")));
tagged_typedef D(of_function) function(int D(of_parameter) a, struct tagged T(user) * p D(of_p)) { return a + p->plain; }
static __attribute__((noinline, used)) D(of_static) void T(user) * hidden(void) { return 0; }
D(of_declaration) int only_declared(int a);
int (*T(call) pointer)(int T(arg) * p);
tagged_pointer returns(tagged_pointer p) { return p + only_declared(0); }
int dropped(struct tagged D(never_seen) s) { return s.a; }
