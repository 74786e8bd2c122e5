"""How TRL's losses average, which decides what undoes a cut of a step into passes."""

MEAN_OF_ROWS = frozenset({"grpo", "dr_grpo"})
"""loss types that are a mean over a pass's rows, and then over passes; the others count tokens"""
