// SPDX-License-Identifier: Apache-2.0
// One name, other contents in each unit; what refers to them differs as well.
// everywhere
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
typedef struct user *user_pointer;
struct same {
  long x;
  struct same *next;
};
struct reaches {
  user_pointer p;
  struct same *s;
};
struct reaches reaches;
struct owner owner;
int in_first(struct owner *o) { return o->user.config->a; }
int of_same_name(struct config *c) { return c->a; }
