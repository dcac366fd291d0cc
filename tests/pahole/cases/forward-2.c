// SPDX-License-Identifier: Apache-2.0
// Definitions of what the first unit only declares.
struct links;
struct elsewhere {
  int value;
  struct links *back;
};
union elsewhere_union {
  int i;
  struct elsewhere s;
};
struct elsewhere elsewhere;
union elsewhere_union elsewhere_union;
struct two_meanings {
  int a;
};
struct two_meanings two_meanings;
int value(struct elsewhere *e) { return e->value; }
