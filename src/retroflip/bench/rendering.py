"""Tables of a comparison for a paper or a page: Markdown, LaTeX and HTML. What comes from outside is escaped."""

import html
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from retroflip.bench.comparison import Entry, Table
from retroflip.files.markdown import cell
from retroflip.files.markdown import table as table_of

Render: TypeAlias = Callable[[Table], str]
NONE = "–"
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
}  # fmt: skip
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>retroflip compare</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .6rem;text-align:right;
border-bottom:1px solid #8886}th:first-child,td:first-child{text-align:left}small{display:block;opacity:.75}
:root{color-scheme:light dark}</style>
"""


def markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown; the groups of columns stand in their names."""
    heads = [f"{group} {name}".strip() for group, name in _columns(table)]
    rows = ([name, *map(told, entries)] for name, entries in table.rows)
    note = f"\n{cell(table.note)}\n" if table.note else ""
    return f"### {cell(table.title)}\n\n{table_of(['model', *heads], rows, numbers=len(heads))}\n{note}"


def latex(table: Table) -> str:
    """Return the table for LaTeX with booktabs, groups of columns over their names; intervals are left out."""
    columns = len(table.columns)
    groups = " & ".join(rf"\multicolumn{{{span}}}{{c}}{{{_tex(name)}}}" for name, span in table.head)
    lines = [
        rf"% {_tex(table.title)}",
        rf"\begin{{tabular}}{{l{'r' * columns}}}",
        r"\toprule",
        *([rf" & {groups} \\"] if any(name for name, _ in table.head) else []),
        "Model & " + " & ".join(map(_tex, table.columns)) + r" \\",
        r"\midrule",
        *(
            _tex(name) + " & " + " & ".join(number(entry) for entry in entries) + r" \\"
            for name, entries in table.rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
        *([_tex(table.note)] if table.note else []),
    ]
    return "\n".join(lines) + "\n"


def web(tables: Mapping[str, Table]) -> str:
    """Return one page with all tables, which needs nothing beside it."""
    return _PAGE + "".join(_html(table) for table in tables.values()) + "</html>\n"


def number(entry: Entry) -> str:
    """Return a number in per cent with one decimal, as papers print it."""
    return NONE if entry.value is None else f"{entry.value:.1f}"


def told(entry: Entry) -> str:
    """Return a number with its interval and its note."""
    interval = "" if entry.interval is None else f" [{entry.interval.low:.1f}, {entry.interval.high:.1f}]"
    note = f" ({entry.note})" if entry.note else ""
    return f"{number(entry)}{interval}{note}"


def _columns(table: Table) -> list[tuple[str, str]]:
    groups = [name for name, span in table.head for _ in range(span)]
    return list(zip(groups, table.columns, strict=True))


def _html(table: Table) -> str:
    groups = "".join(f'<th colspan="{span}">{html.escape(name)}</th>' for name, span in table.head)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>" + "".join(map(_html_cell, entries)) + "</tr>"
        for name, entries in table.rows
    )
    note = f"<p>{html.escape(table.note)}</p>\n" if table.note else ""
    return (
        f'<h2>{html.escape(table.title)}</h2><div class="wide" tabindex="0"><table><thead><tr><th></th>{groups}</tr>'
        f"<tr><th>model</th>{names}</tr></thead><tbody>{rows}</tbody></table></div>\n{note}"
    )


def _html_cell(entry: Entry) -> str:
    beside = told(entry).removeprefix(number(entry)).strip()
    return f"<td>{number(entry)}{f'<small>{html.escape(beside)}</small>' if beside else ''}</td>"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in re.sub(r"\s+", " ", text))
