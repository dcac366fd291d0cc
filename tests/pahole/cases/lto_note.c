// SPDX-License-Identifier: Apache-2.0
// The kernel's own note says that units may refer to each other: all are one.
asm(".pushsection .note.Linux,\"a\",@note\n.balign 4\n.long 6\n.long 4\n.long 0x101\n.asciz \"Linux\"\n.balign 4\n.long 1\n.popsection\n");
struct shared { int a; int list[2]; };
struct shared first_shared;
static __attribute__((noinline, used)) int helper(struct shared *s) { return s->a; }
int first(struct shared *s) { return helper(s); }
