// SPDX-License-Identifier: Apache-2.0
// Static functions of one name in several units, with equal and with other
// prototypes: ambiguous, or inconsistent.
// everywhere
struct s { int a; };
int first_of_text(int a) { return a; }
static __attribute__((noinline, used)) int equal(int a) { return a + 1; }
static __attribute__((noinline, used)) int other_parameter(int a) { return a; }
static __attribute__((noinline, used)) int other_return(int a) { return a; }
static __attribute__((noinline, used)) int other_count(int a) { return a; }
static __attribute__((noinline, used)) int other_name(int a) { return a; }
static __attribute__((noinline, used)) int other_struct(struct s *s) { return s->a; }
static inline int inlined_here(int a) { return a + 2; }
static __attribute__((noinline, used)) int zzz_last_key(int a) { return a; }
int use_first(int a) { return inlined_here(a); }
