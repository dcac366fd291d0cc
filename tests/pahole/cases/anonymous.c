// SPDX-License-Identifier: Apache-2.0
// Anonymous structs, unions and enums, in each other and behind typedefs.
struct outer {
  int kind;
  union {
    struct {
      int a, b;
    };
    struct {
      long c;
      union {
        char d;
        struct {
          short e[2];
        } f;
      };
    } g;
    enum { IN_UNION } h;
  };
  struct {
    int same;
  } first;
  struct {
    int same;
  } second;
};
typedef struct {
  int x;
} named_later;
typedef union {
  named_later n;
  struct outer *o;
} *pointer_to_anonymous;

struct outer outer;
named_later later;
pointer_to_anonymous pointer;
struct {
  int of_variable;
} variable;
int take(struct outer *o, pointer_to_anonymous p, struct { int odd; } *odd) {
  return o->a + p->n.x + odd->odd;
}
