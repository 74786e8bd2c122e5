"""The reading of answers by its former name: it moved to `retroflip.data.answers`, beside that of evaluation."""

from retroflip.data.answers import Answer, gold_answer, is_well_formed, parse_answer, same_answer

__all__ = ["Answer", "gold_answer", "is_well_formed", "parse_answer", "same_answer"]
