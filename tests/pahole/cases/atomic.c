// SPDX-License-Identifier: Apache-2.0
// _Atomic: DW_TAG_atomic_type, which no pahole encodes.
_Atomic int counter;
int read_counter(void) { return counter; }
