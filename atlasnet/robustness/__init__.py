# SPDX-License-Identifier: Apache-2.0
"""Which statements about a network survive other choices in its making.

Statements are data: a sentence, what is measured, and a bound. Every variant is planned
and no weight is made here; how variants are trained is the trainer's to know.
"""
