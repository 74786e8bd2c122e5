# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Evaluate a model, and read the score
#
# Accuracy alone does not say whether a model looked. Pair accuracy, the table of both sides and the gap to the same
# model without its video do. First three made-up models whose failings you know, then a real one.

# %%
import json
import shlex
from collections import Counter
from pathlib import Path

from typer.testing import CliRunner

from retroflip.cli import app
from retroflip.data.records import read_samples
from retroflip.draws import draw


def retroflip(line: str) -> str:
    """Type a command, as in a terminal, and return what it prints."""
    done = CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)
    if done.exit_code:
        raise RuntimeError(done.output)
    return done.stdout


print(retroflip("synth --kinds laboratory --per-task 6 --seed 1 --out pairs"))
rows = [json.loads(line) for line in Path("pairs/records.jsonl").read_text().splitlines()]
samples = [sample for sample in read_samples(Path("pairs/records.jsonl")) if sample.pair]
print(len(samples), "questions about", len(samples) // 2, "pairs of clips")

# %% [markdown]
# ## Three made-up models
#
# - *habit* is right about every clip as it is, and says the same about its counterpart: it never looks.
# - *guess* draws an option.
# - *sees* is right four times in five, about either.
#
# Their answers go into files as any other program would record them: the question's record, and what was said.

# %%
rng = draw(0, "notebook")
right = {sample.id: sample.solution for sample in samples}
first = {sample.pair: sample.solution for sample in samples if sample.side == 0}


def a_letter(sample) -> str:
    """Return the letter of an option drawn evenly."""
    return "ABCDEFGH"[int(rng.integers(len(sample.options)))]


said = {
    "habit": {sample.id: first[sample.pair] for sample in samples},
    "guess": {sample.id: a_letter(sample) for sample in samples},
    "sees": {sample.id: right[sample.id] if rng.random() < 0.8 else a_letter(sample) for sample in samples},
}
scores = {}
for name, answers in said.items():
    asked = [row for row in rows if row["problem_id"] in answers]
    recorded = [{**row, "response": answers[row["problem_id"]]} for row in asked]
    Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in recorded))
    scores[name] = json.loads(retroflip(f"score --recorded {name}.jsonl --json"))

# %% [markdown]
# ## Accuracy, and both sides of a pair
#
# The habit has at least half of the questions, for nothing. It has no pair: its two answers are always the same.

# %%
for name, found in scores.items():
    low, high = found["p_acc_ci"]
    pairs = f"{found['p_acc']:.0%} [{low:.0%}, {high:.0%}]"
    print(f"{name}: right {found['acc']:.0%}, pairs {pairs}, the same twice {found['same_answer_rate']:.0%}")
assert scores["habit"]["acc"] == 0.5
assert scores["habit"]["p_acc"] == 0.0
assert scores["sees"]["p_acc"] > scores["guess"]["p_acc"]

# %% [markdown]
# The interval draws whole source clips, since the questions of one clip are right or wrong together. With so few
# pairs it is wide, and says so.
#
# ## Two by two
#
# Each pair falls into one of four cells. Whoever does not look fills the two corners where one side alone is right.

# %%
for name, answers in said.items():
    sides = {}
    for sample in samples:
        sides.setdefault(sample.pair, {})[sample.side] = answers[sample.id] == right[sample.id]
    cells = Counter((one[0], one[1]) for one in sides.values())
    alone = f"only the clip {cells[True, False]}, only its counterpart {cells[False, True]}"
    print(f"{name}: both {cells[True, True]}, {alone}, neither {cells[False, False]}")
    assert cells[True, True] == scores[name]["outcomes"]["both_right"]
print("what chance gives:", scores["guess"]["chance"])

# %% [markdown]
# ## The shortcut gap
#
# A real model can be asked again with less: no video at all, a single frame, frames in no order. What it reaches then
# it did not see. The gap is its pair accuracy with the whole video minus that. `oracle` must have everything right
# and `random` what chance gives: they check the benchmark and not the model.

# %%
controls = "full,text_only,oracle,random"
retroflip(f"generate --model retroflip-tiny --data pairs/records.jsonl --controls {controls} --out answers")
print(retroflip("score answers"))
found = json.loads(Path("answers/scores.json").read_text())
for name, control in found["controls"].items():
    print(f"{name}: pairs {control['p_acc']:.0%}, unparsed {control['unparsed_rate']:.0%}")
gap = found["controls"]["text_only"]["gap"]
low, high = gap["p_acc_difference_ci"]
print(f"the gap: {gap['p_acc_difference']:+.0%} [{low:+.0%}, {high:+.0%}] over {gap['n_pairs']} pairs")
assert found["controls"]["oracle"]["p_acc"] == 1.0
assert found["controls"]["text_only"]["p_acc"] == 0.0  # the same words get the same answer on both sides

# %% [markdown]
# Look at *unparsed* before anything else. An answer that cannot be read is not a wrong letter, and a control "holds"
# for nothing if the model wrote nothing that can be read. [What is measured](../docs/measured.md) has every number of
# `scores.json`.
