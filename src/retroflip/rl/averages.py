"""How TRL's losses average, which decides what undoes a cut of a step into passes."""

MEAN_OF_ROWS = frozenset({"grpo", "dr_grpo", "sapo", "luspo"})
"""loss types that are a mean over a pass's rows, and then over passes; the others count a step's tokens"""

MEAN_OF_OWN_TOKENS = frozenset({"bnpo"})
"""loss types that are a mean over the tokens of a pass, and then over passes"""

OF_SEQUENCES = frozenset({"luspo"})
"""loss types whose probability ratio is that of a whole response, and not of each token"""
