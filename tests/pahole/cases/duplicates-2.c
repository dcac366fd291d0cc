// SPDX-License-Identifier: Apache-2.0
// The second unit's functions of the same names.
struct s { int a; };
static __attribute__((noinline, used)) int first_of_text(int a) { return a; }
static __attribute__((noinline, used)) int equal(int a) { return a + 1; }
static __attribute__((noinline, used)) int other_parameter(long a) { return a; }
static __attribute__((noinline, used)) long other_return(int a) { return a; }
static __attribute__((noinline, used)) int other_count(int a, int b) { return a + b; }
static __attribute__((noinline, used)) int other_name(int renamed) { return renamed; }
static __attribute__((noinline, used)) int other_struct(const struct s *s) { return s->a; }
static inline int inlined_here(int a) { return a + 2; }
static __attribute__((noinline, used)) int zzz_last_key(int a) { return a + 4; }
int (*taken)(int) = inlined_here;
int use_second(int a) { return inlined_here(a); }
