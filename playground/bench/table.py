"""One way to print a table: Markdown, so that it can be quoted as it is."""


def print_table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """Print with aligned columns."""
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    print(f"**{title}**\n\n{line(heads)}\n{line(['-' * width for width in widths])}")
    for row in rows:
        print(line(row))
    print(flush=True)
