// SPDX-License-Identifier: Apache-2.0
// config and so user, owner and reaches are others here; same is not.
struct config {
  long a, b;
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
struct reaches reaches_2;
struct owner owner_2;
long in_second(struct owner *o) { return o->user.config->b; }
