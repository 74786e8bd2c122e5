"""What a model is asked: the system prompt, the question with its lettered options, and the null option."""

from retroflip.data.sample import ProblemType, Sample

SYSTEM_PROMPT = (
    "Watch the video. First think step by step inside <think> </think>, then give only the final answer inside "
    "\\boxed{}."
)
"""what CRPO's training prompt (appendix B.1) asks of the model, in our words; a recipe can set another"""

NULL_OPTION = "None of the above"
"""CRPO, section 3: the option that lets a counterfactual answer say 'none of these any more'"""


def option_letter(index: int) -> str:
    """Return the letter of the option at `index`: 0 is A."""
    return chr(ord("A") + index)


def with_null_option(sample: Sample) -> Sample:
    """Return the sample with the null option as its last; unchanged if it has it or is not multiple choice."""
    if sample.problem_type is not ProblemType.MULTIPLE_CHOICE or NULL_OPTION in sample.options:
        return sample
    return sample.model_copy(update={"options": (*sample.options, NULL_OPTION)})


def user_text(sample: Sample) -> str:
    """Return the question, followed by its options on lines of their own."""
    if not sample.options:
        return sample.question
    lines = [f"{option_letter(index)}. {option}" for index, option in enumerate(sample.options)]
    return "\n".join([sample.question, "Options:", *lines])
