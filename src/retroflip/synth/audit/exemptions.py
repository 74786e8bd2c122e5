"""Attacks that may succeed on a kind, each with the reason why that is no shortcut."""

EXEMPT: dict[tuple[str, str], str] = {}
"""(kind, attack) -> reason"""
