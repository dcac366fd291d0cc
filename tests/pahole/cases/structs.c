// SPDX-License-Identifier: Apache-2.0
// Sizes and places of members: none, huge, aligned, packed.
struct nothing {};
union no_union {};
struct only_flexible {
  char c;
  char rest[];
};
struct huge {
  char first[0x12345678];
  int last;
};
struct __attribute__((aligned(64))) aligned {
  int a;
  __attribute__((aligned(16))) char b;
};
struct __attribute__((packed)) packed {
  char a;
  int b;
  struct aligned *c;
  short d;
};
struct has_empty {
  struct nothing a;
  int b;
  struct nothing c;
  union no_union d;
};
struct nothing nothing;
struct only_flexible *only_flexible;
struct huge *huge;
struct aligned aligned;
struct packed packed;
struct has_empty has_empty;
int take(struct nothing n, struct huge *h, struct packed p) { return h->last + p.b; }
