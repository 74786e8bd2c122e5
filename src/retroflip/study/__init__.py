"""Studies: tables that take many runs, beside the numbers that papers print.

A study is a `plan.Plan`: arms, tables of them, and papers' references. What all studies share stands here: a directory
that can be left and taken up (`directory`), cells read from files (`cells`), the loop over seeds and arms (`loop`),
comparisons (`compare`) and the two tables (`document`, `markdown`). `methods` and `synrl` are plans.
"""
