// SPDX-License-Identifier: Apache-2.0
// A struct here is a union, an enum and a typedef of the same names.
union config {
  int a;
  char b;
};
enum user { USER_A, USER_B };
typedef struct {
  union config config;
  enum user user;
} same;
same of_fourth;
struct owner;
struct owner *owner_of_fourth;
int in_fourth(same *s) { return s->user; }
