/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that the assembler describes itself, and symbols that are none. */
	.text
	.globl	written_by_hand
	.type	written_by_hand, @function
written_by_hand:
	movl	%edi, %eax
	ret
	.size	written_by_hand, .-written_by_hand
	.type	hidden_by_hand, @function
hidden_by_hand:
	ret
	.size	hidden_by_hand, .-hidden_by_hand
	.globl	no_function
no_function:
	ret
