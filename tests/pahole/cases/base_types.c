// SPDX-License-Identifier: Apache-2.0
// What the runs with a base stand on: types that other cases have as well, some
// of them with other contents.
typedef unsigned int u32;
struct point { int x, y; };
struct s { int a; };
struct pair { long a, b; };
struct node;
struct tree { int depth; };
struct same { long x; struct same *next; };
struct config { int a; };
struct user { struct config *config; int n; };
struct links;
struct scalars { _Bool b; char c; signed char sc; unsigned char uc; short s; unsigned short us; int i; unsigned u; };
union either { long a; double b; };
enum colour { RED, GREEN, BLUE };
enum plain { PLAIN_A, PLAIN_B, PLAIN_C = 17 };
typedef const int const_int;
typedef void *(*callback)(void *, ...);
struct all {
  u32 u; struct point p; struct s s; struct pair pair; struct node *node; struct tree tree;
  struct same *same; struct user user; struct links *links; struct scalars scalars; union either either;
  enum colour colour; enum plain plain; const_int *c; callback call; char name[16]; int table[2][3];
  unsigned long long bits : 40; struct { int x; } anonymous; long double *ld; const char *text;
};
struct all all;
__attribute__((section(".data..percpu"))) int base_percpu;
int base_function(struct all *a, int n) { return a->s.a + n; }
int small(int a, long b) { return a + b; }
