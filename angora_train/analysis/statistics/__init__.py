# SPDX-License-Identifier: Apache-2.0
"""Statistics: how a task's sensations and states are related over time."""
