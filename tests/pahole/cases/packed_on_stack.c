// SPDX-License-Identifier: Apache-2.0
// Packed structs passed on the stack: where they lie is uncertain (1.31 on).
// everywhere
struct __attribute__((packed)) packed { char a; long b; };
struct __attribute__((packed)) packed_aligned { int a, b; };
struct __attribute__((packed)) packed_odd { long a; char b; };
struct plain { char a; long b; };
struct __attribute__((packed)) holds { char a; struct plain p; };
struct outer { long a; struct packed p; };
struct __attribute__((packed, aligned(8))) realigned { char a; long b; };
struct with_bits { char a; int b : 5; int c : 20; long d; };
struct __attribute__((packed)) packed_bits { char a; int b : 5; int c : 20; long d; };
struct __attribute__((packed)) packed_list { char a; int list[5]; };
typedef struct packed packed_typedef;
struct deep { struct outer o; int x; };
#define SIX int a, int b, int c, int d, int e, int f
long takes_packed(SIX, struct packed s) { return s.b; }
long takes_packed_aligned(SIX, struct packed_aligned s) { return s.b; }
long takes_packed_odd(SIX, struct packed_odd s) { return s.b; }
long takes_plain(SIX, struct plain s) { return s.b; }
long takes_holds(SIX, struct holds s) { return s.p.b; }
long takes_outer(SIX, struct outer s) { return s.a; }
long takes_realigned(SIX, struct realigned s) { return s.b; }
long takes_with_bits(SIX, struct with_bits s) { return s.d; }
long takes_packed_bits(SIX, struct packed_bits s) { return s.d; }
long takes_packed_list(SIX, struct packed_list s) { return s.list[1]; }
long takes_typedef(SIX, packed_typedef s) { return s.b; }
long takes_const(SIX, const struct packed s) { return s.b; }
long takes_deep(SIX, struct deep s) { return s.x; }
long takes_pointer(SIX, struct packed *s) { return s->b; }
long early(struct packed s, SIX) { return s.b; }
long takes_anonymous(SIX, struct __attribute__((packed)) { char a; long b; } s) { return s.b; }
