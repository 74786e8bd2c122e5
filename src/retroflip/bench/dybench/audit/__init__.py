"""Attacks on a benchmark of pairs: what tells a side from the other without a look at what moves?"""
