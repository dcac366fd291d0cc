// SPDX-License-Identifier: Apache-2.0
// One variable, one type.
char letter;
