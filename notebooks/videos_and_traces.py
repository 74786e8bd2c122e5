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
# # Synthetic videos, and a reasoning trace that is checked
#
# A drawn video's truth is known to the frame. So a sentence about it can be checked by a program that asks no model.

# %%
import json
import shlex
from pathlib import Path

from typer.testing import CliRunner

from retroflip.cli import app


def retroflip(line: str, codes: tuple[int, ...] = (0,)) -> str:
    """Type a command, as in a terminal, and return what it prints."""
    done = CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)
    if done.exit_code not in codes:
        raise RuntimeError(done.output)
    return done.stdout


print(retroflip("synth --kinds direction --per-task 2 --seed 3 --split cot --size 128 --out videos"))

# %% [markdown]
# ## What is known of a video
#
# Events with their times, states, and the question with its derivation. The second video of the pair is the first one
# backwards: the same question, another answer.

# %%
truth = json.loads(Path("videos/metadata/direction-00000-0.json").read_text())
for event in truth["events"]:
    print(f"{event['start_ms'] / 1000:5.2f} s to {event['end_ms'] / 1000:5.2f} s: {event['note']}")
print(truth["question"]["text"])
print(truth["question"]["options"], "right:", truth["question"]["answer"])
backwards = json.loads(Path("videos/metadata/direction-00000-1.json").read_text())
assert backwards["question"]["options"] == truth["question"]["options"]
assert backwards["question"]["answer"] != truth["question"]["answer"]

# %% [markdown]
# ## A trace
#
# Without a model, traces are written from the metadata, in several styles.

# %%
print(retroflip("cot videos --out videos/traces.jsonl"))
record = json.loads(Path("videos/traces.jsonl").read_text().splitlines()[0])
print(record["process"])

# %% [markdown]
# ## Checked
#
# The verifier reads the sentences. The trace is true of its video, and false of the same video backwards. Change one
# event's time by two seconds, and it names the sentence.

# %%
name, text = record["problem_id"], record["process"]
counterpart = name[:-1] + "1"
moment = truth["events"][1]["start_ms"] / 1000
first, second = (event["direction"] for event in truth["events"][:2])
thing = truth["objects"][0]["name"]
box = f"first {first}, then {second}"


def told(when: float) -> str:
    """Return a trace of our own, with the second event at that time."""
    reasoning = f"At 0.0 s the {thing} moves {first}. At {when:.1f} s it turns {second}. So it goes {box}."
    return f"<think>{reasoning}</think>\n\\boxed{{{box}}}"


tried = {
    "as it was written": {"id": name, "process": text},
    "in our own words": {"id": name, "process": told(moment)},
    "two seconds late": {"id": name, "process": told(moment + 2.0)},
    "of the other video": {"id": counterpart, "process": told(moment)},
}
verdicts = {}
for what, trace in tried.items():
    Path("trace.jsonl").write_text(json.dumps(trace))
    found = json.loads(retroflip("cot check videos --traces trace.jsonl --json", codes=(0, 1)))
    verdicts[what] = not found["refused"]
    print(f"{what}: {'true' if verdicts[what] else 'refused: ' + '; '.join(found['refused'].values())}")
assert list(verdicts.values()) == [True, True, False, False]

# %% [markdown]
# What it cannot understand it refuses too; [how often it errs](../docs/traces.md#how-often-the-verifier-errs) is
# measured. Accepted traces teach a model before reinforcement learning: `retroflip sft RECIPE
# data.records=videos/traces.jsonl`.
