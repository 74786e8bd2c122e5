"""The words that a question may be put in, by the names that options and answers have."""

from enum import StrEnum


class PromptMode(StrEnum):
    """In whose words a question is put."""

    NATIVE = "native"
    """a benchmark's own: its user turn as it is published, and its system prompt or none"""
    THINK = "think"
    """CRPO's training prompt, which asks for reasoning, and the question with its options"""
    DIRECT = "direct"
    """the same without reasoning"""
