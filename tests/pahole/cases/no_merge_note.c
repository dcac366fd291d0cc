// SPDX-License-Identifier: Apache-2.0
// The note as a kernel without LTO has it.
asm(".pushsection .note.Linux,\"a\",@note\n.balign 4\n.long 6\n.long 4\n.long 0x101\n.asciz \"Linux\"\n.balign 4\n.long 0\n.popsection\n");
int one(int a) { return a; }
