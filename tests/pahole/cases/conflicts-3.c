// SPDX-License-Identifier: Apache-2.0
// As in the first unit again, with one type more; then a third config.
struct config {
  int a;
};
struct user {
  struct config *config;
  int n;
};
struct owner {
  struct user user;
  struct owner *next;
};
struct same {
  long x;
  struct same *next;
};
struct third {
  struct owner *owner;
  struct same same;
};
struct third third;
int in_third(struct third *t) { return t->owner->user.n; }
