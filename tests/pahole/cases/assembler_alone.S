/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but the assembler's unit. not: cross */
	.text
	.globl	alone
	.type	alone, @function
alone:
	ret
	.size	alone, .-alone
