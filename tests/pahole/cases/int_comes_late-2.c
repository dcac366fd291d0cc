// SPDX-License-Identifier: Apache-2.0
// Arrays before the unit's `int`.
char letters[26];
struct late {
  unsigned short halves[4];
  int number;
};
struct late late;
int late_number(struct late *l) { return l->number + letters[0]; }
