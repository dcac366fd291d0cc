// SPDX-License-Identifier: Apache-2.0
// A C unit and one of the assembler, which has types of its own.
// not: cross
extern int written_by_hand(int);
int uses(int a) { return written_by_hand(a); }
