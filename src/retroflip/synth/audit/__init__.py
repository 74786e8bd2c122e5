"""Proof that a data set needs time: what it can be answered by without watching."""
