// SPDX-License-Identifier: Apache-2.0
// More arguments than registers, and those that take two registers or none.
// everywhere
struct one { long a; };
struct two { long a, b; };
struct three { long a, b, c; };
struct mixed { long a; double b; };
union either { long a; double b; };
struct small { char a, b, c; };
int eight(int a, int b, int c, int d, int e, int f, int g, int h) { return a + h; }
int seven_with_list(int a, int b, int c, int d, int e, int f, ...) { return a + f; }
long by_value_1(struct one s, int n) { return s.a + n; }
long by_value_2(int m, struct two s, int n) { return s.a + s.b + n + m; }
long by_value_3(struct three s, int n) { return s.c + n; }
long by_value_last(int a, int b, int c, int d, int e, struct two s, int f) { return s.b + f; }
long by_value_mixed(struct mixed s, int n) { return s.a + n; }
long by_value_union(union either u, int n) { return u.a + n; }
long by_value_small(struct small s, int n) { return s.a + n; }
long on_stack(int a, int b, int c, int d, int e, int f, struct one s, struct three t) { return s.a + t.b; }
double of_doubles(double a, int b, double c, int d) { return a + b + c + d; }
long unused_middle(long a, long unused, long c) { return a + c; }
long unused_pair(struct two unused, long c) { return c; }
int ten(char a, short b, int c, long d, char *e, _Bool f, unsigned g, void *h, long i, int j) { return j; }
int changes(int a, int b) { a = b; b = a * 2; asm volatile("" : "+r"(a), "+r"(b)); return a + b; }
