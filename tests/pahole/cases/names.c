// SPDX-License-Identifier: Apache-2.0
// Names that C barely allows.
#define PERCPU __attribute__((section(".data..percpu")))
PERCPU int with$dollar;
PERCPU int überlänge;
PERCPU int _underscore;
struct größe { int maß; };
struct $struct { int $member; };
enum énumération { ÉLÉMENT, $ELEMENT };
typedef struct größe größe_t;
int fünf(struct größe *größe, int $a) { return größe->maß + $a; }
int dollar$function(struct $struct *s, enum énumération e) { return s->$member + e; }
#define TEN(x) x##x##x##x##x##x##x##x##x##x
#define LONG abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst
struct LONG { int LONG; };
typedef struct LONG *LONG;
enum { abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz_of_more_than_127 };
PERCPU int percpu_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz_of_127;
PERCPU int percpu_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz_of_more_than_128;
int long_function_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz_of_more_than_128(LONG p) { return p->LONG; }
