"""The model card: a text of ours with a table that only a command writes.

Invariants: what stands between the marks is printed by `evaluate` and by nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

from playground.errors import UserError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True)
class Row:
    """One measure: what was found, what is wanted, and what to hold it against."""

    measure: str
    found: str
    wanted: str = ""
    beside: str = ""


def percent(share: float) -> str:
    return f"{100 * float(share):.1f} %"


def markdown(rows: list[Row], command: str) -> str:
    """The table, with the command that printed it."""
    lines = ["| measure | found | wanted | beside |", "|---|---|---|---|"]
    lines += [f"| {row.measure} | {row.found} | {row.wanted} | {row.beside} |" for row in rows]
    return "\n".join([*lines, "", f"Printed by `{command}`."])


def write(card: Path, text: str) -> None:
    """Put the table into the card. Raises UserError where the card has no place for it."""
    whole = card.read_text(encoding="utf-8")
    if BEGIN not in whole or END not in whole:
        raise UserError(f"{card} has no lines “{BEGIN}” and “{END}” to write the table between. Add them.")
    before, rest = whole.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    card.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
