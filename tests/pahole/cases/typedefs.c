// SPDX-License-Identifier: Apache-2.0
// Chains of typedefs, and one name for several things.
typedef int a;
typedef a b;
typedef b c;
typedef c *d;
typedef d (*e)(c, d);
typedef struct tagged tagged;
struct tagged {
  tagged *next;
  e call;
};
typedef struct tagged tagged_array[4];
typedef void nothing;
typedef nothing *something;
typedef int same_name;
struct same_name {
  same_name same_name;
};
union other_name {
  struct same_name other_name;
};
enum third_name { fourth_name };
c use(d p, tagged *t, something s, struct same_name n, union other_name *o, enum third_name h) {
  return *p + n.same_name;
}
tagged_array list;
