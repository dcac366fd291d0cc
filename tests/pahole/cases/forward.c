// SPDX-License-Identifier: Apache-2.0
// Types that are declared in one unit and defined, or not, in another.
// everywhere
struct elsewhere;
union elsewhere_union;
struct nowhere;
union nowhere_union;
enum nowhere_enum;
typedef struct elsewhere elsewhere_t;
typedef struct nowhere *nowhere_pointer;

struct links {
  struct elsewhere *a;
  union elsewhere_union *b;
  struct nowhere *c;
  union nowhere_union *d;
  enum nowhere_enum *e;
  elsewhere_t *f;
  nowhere_pointer g;
  struct links *self;
  const struct elsewhere *const h;
};
struct links links;
struct elsewhere *find(struct links *l, struct nowhere **n) { return l->a; }
struct two_meanings;
struct two_meanings *first_meaning;
