# SPDX-License-Identifier: MIT
"""The table of docs/link.md."""

import os
import platform
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "link.md"
BEGIN, END = "<!-- made by ./dev soak link -->", "<!-- end -->"
HEAD = ("fault", "how it is made", "noticed after", "what `aziot why` said", "back after", "lost", "duplicates",
        "worst local answer")


def seconds(value):
    return "–" if value is None else f"{value:.1f} s"


def describe(result):
    """A result in a line."""
    return (f"noticed after {seconds(result.noticed)}, said '{result.said}' after {seconds(result.said_after)}, back "
            f"after {seconds(result.back)}, {result.accepted} accepted, {result.lost} lost, {result.duplicates} "
            f"duplicates, worst answer {result.worst_us / 1000:.2f} ms "
            f"({result.worst_call}; {result.worst_raw_us / 1000:.2f} ms with waits for a CPU)")


def line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def cells_of(result):
    return (result.row.name, result.row.made, seconds(result.noticed), f"`{result.said}`" if result.said else "–",
            seconds(result.back), f"{result.lost} of {result.accepted}", result.duplicates,
            f"{result.worst_us / 1000:.2f} ms")


def machine():
    models = [text.partition(":")[2].strip() for text in Path("/proc/cpuinfo").read_text().splitlines()
              if text.startswith("model name")]
    return f"{os.cpu_count()} x {models[0] if models else platform.machine()}, Linux {platform.release()}"


def write(results):
    """Replaces the table of the page; the order is that of the rows."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    lines = [BEGIN, "", f"{time.strftime('%Y-%m-%d')}, {machine()}, `./dev soak link`, {len(results)} rows:", "",
             line(HEAD), line("---" for _ in HEAD), *(line(cells_of(result)) for result in results), "", END]
    PAGE.write_text(before + "\n".join(lines) + after)


def compare(rows):
    """Whether the page has exactly these rows, as Printer.report() is told it."""
    text = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    told = [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in text.splitlines() if row.startswith("|")][2:]
    made = [(row.name, row.made) for row in rows]
    wrong = [f"only in docs/link.md: {row}" for row in told if row not in made]
    wrong += [f"not in docs/link.md: {row}" for row in made if row not in told]
    if not wrong and told != made:
        wrong = ["docs/link.md has the rows in another order"]
    return not wrong, "the table of docs/link.md has the rows of the matrix", "", wrong
