"""Worksheets: the tasks of a paper's demonstrations, with answers that theory computes."""

from __future__ import annotations

from collections.abc import Sequence

from lemmata.classroom.demo import Demo


def worksheet(demos: Sequence[Demo]) -> str:
    """Tasks and answers of a paper as Markdown.

    Parameters
    ----------
    demos : sequence of Demo

    Returns
    -------
    str
        Questions by demonstration, numbered through, and a table of answers with their reasons.
    """
    lines: list[str] = []
    answers = ["| task | answer | why |", "|---|---|---|"]
    number = 0
    for demo in demos:
        lines += [f"**{demo.title}**", ""]
        for task in demo.tasks:
            number += 1
            lines.append(f"{number}. {task.question}")
            answers.append(f"| {number} | {demo.solve(task)} | {task.because} |")
        lines.append("")
    return "\n".join([*lines, "**Answers**", "", *answers])


__all__ = ["worksheet"]
