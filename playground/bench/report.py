"""How a benchmark speaks: tables in Markdown, to be quoted as they are, and beside them what it is doing meanwhile.

Invariants: tables go to standard output, everything else to standard error: what is redirected is a report.
"""

import sys


def tell(text: str) -> None:
    """What is being measured now."""
    print(f"… {text}", file=sys.stderr, flush=True)


def print_table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """Print with aligned columns."""
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    print(f"**{title}**\n\n{line(heads)}\n{line(['-' * width for width in widths])}")
    for row in rows:
        print(line(row))
    print(flush=True)
