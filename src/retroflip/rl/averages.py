"""How TRL's losses average, which decides what undoes a cut of a step into passes."""

MEAN_OF_ROWS = frozenset({"grpo", "dr_grpo", "sapo", "luspo"})
"""loss types that are a mean over a pass's rows, and then over passes; the others count tokens"""

OF_SEQUENCES = frozenset({"luspo"})
"""loss types whose probability ratio is that of a whole response, and not of each token"""
