import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.data.records import format_record, parse_record, read_records, read_samples, write_samples
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Cell, Modality, ProblemType, Sample, TaskType, lettered, option_letter
from retroflip.errors import PathEscapeError

words = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
labels = st.sampled_from(["", "A. ", "B) ", "(C) ", "<answer>", "</answer>", "None of the above"])
texts = st.builds(lambda label, word: label + word, labels, words)
parts = st.text(st.characters(codec="utf-8", exclude_characters="/\\:\0"), min_size=1, max_size=8).filter(
    lambda part: part.strip() == part and part not in (".", "..")
)
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)


def gapped(count: int) -> st.SearchStrategy[tuple[str, ...]]:
    """Rising letters for so many options, the one before the last left out."""
    whole = [option_letter(index) for index in range(count + 1)]
    return st.just((*whole[: count - 1], whole[count]))


@st.composite
def samples(draw: st.DrawFn, ids: st.SearchStrategy[str] = words) -> Sample:
    kind = draw(st.sampled_from(ProblemType))
    options = tuple(draw(st.lists(texts, min_size=2, max_size=6))) if kind.has_options else ()
    letters = draw(st.just(()) | gapped(len(options))) if options else ()
    letter = st.sampled_from(list(lettered(options, letters)) or [""])
    solutions = {
        ProblemType.MULTIPLE_CHOICE: letter,
        ProblemType.MULTI_SELECT: st.sets(letter, min_size=1).map(lambda right: ", ".join(sorted(right))),
    }
    spans = st.tuples(letter, st.integers(0, 9), st.integers(9, 99))
    solutions[ProblemType.GROUNDED_CHOICE] = spans.map(lambda one: f"{one[0]} <> [{one[1]}.0, {one[2]}.0]")
    modality = draw(st.sampled_from(Modality))
    start = draw(st.none() | st.floats(0, 99)) if modality is Modality.VIDEO else None
    end = draw(st.none() | st.floats(99.5, 999)) if modality is Modality.VIDEO else None
    group = draw(st.none() | words)
    cells = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda numbers: Cell(*numbers))
    return Sample(
        id=draw(ids),
        modality=modality,
        video="" if modality is Modality.TEXT else draw(paths),
        question=draw(texts),
        options=options,
        letters=letters,
        solution=draw(solutions.get(kind, texts)),
        problem_type=kind,
        source=draw(st.just("") | words),
        task=draw(st.just("") | words),
        task_type=draw(st.none() | st.sampled_from(TaskType)),
        source_clip=draw(words),
        start=start,
        end=end,
        group=group,
        cell=draw(cells) if group else None,
        pair=None if group else draw(st.none() | words),
        side=draw(st.none() | st.integers(0, 1)),
        trace=draw(st.none() | st.text(max_size=20)),
    )


@given(sample=samples())
def test_reading_a_written_record_gives_the_sample_back(sample: Sample) -> None:
    assert parse_record(format_record(sample)) == sample


@settings(max_examples=20)  # every example is written to the disk for good
@given(written=st.lists(samples(), min_size=1, max_size=4, unique_by=lambda sample: sample.id))
def test_reading_a_written_file_gives_the_samples_back(written: list[Sample]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.jsonl"
        write_samples(path, written)
        assert read_samples(path, tuple(Modality)) == written
        videos = [sample for sample in written if sample.modality is Modality.VIDEO]
        if videos:
            read = read_records(path)
            assert read.samples == videos
            assert sum(read.skipped.values()) == len(written) - len(videos)


@given(relative=st.lists(st.sampled_from(["..", ".", "", "a", "b", "\\", "\0", "C:", "~"])).map("/".join))
def test_a_resolved_path_is_inside_the_root(relative: str) -> None:
    root = Path("/nowhere/root")
    try:
        found = resolve(root, relative)
    except PathEscapeError:
        return
    assert found.is_relative_to(root)
    assert found != root
    assert found == root / normalise(relative)


@given(relative=paths)
def test_normalising_twice_changes_nothing(relative: str) -> None:
    assert normalise(f"./{relative}") == normalise(normalise(relative)) == relative
