"""Tables of text and of HTML."""

import html

from .maps import padded, width_of


def text_table(head: list[str], rows: list, right: set[int] = frozenset(), indent: str = "  ", rule: bool = True) -> list[str]:  # type: ignore[assignment]
    """Lines of aligned columns; `right` are the numbers of those that are flush right. A row that is None is a line across."""
    widths = [max([width_of(head[i]), *(width_of(r[i]) for r in rows if r is not None)]) for i in range(len(head))]
    across = indent + "─" * (sum(widths) + 2 * (len(head) - 1))

    def line(row):
        return (indent + "  ".join(padded(c, w, i in right) for i, (c, w) in enumerate(zip(row, widths)))).rstrip()

    return [line(head), *([across] if rule else []), *(across if r is None else line(r) for r in rows)]


def html_table(head: list[str], rows: list, right: set[int] = frozenset(), title: str = "", after: str = "") -> str:  # type: ignore[assignment]
    """The same as a table of HTML, with a title above and lines of text below."""

    def cells(row, tag):
        out = []
        for i, c in enumerate(row):
            side = "right" if i in right else "left"
            text = html.escape(c).replace("  ", "&nbsp;&nbsp;")
            out.append(f'<{tag} style="text-align:{side};padding:2px 10px;white-space:pre">{text}</{tag}>')
        return "<tr>" + "".join(out) + "</tr>"

    body = "".join(
        cells(r, "td") if r is not None else f'<tr><td colspan="{len(head)}" style="border-top:1px solid #999;padding:0"></td></tr>'
        for r in rows
    )
    caption = f"<p><b>{html.escape(title)}</b></p>" if title else ""
    below = f"<pre>{html.escape(after)}</pre>" if after else ""
    style = "border-collapse:collapse;font-family:ui-monospace,monospace;font-size:12px"
    return f'<div>{caption}<table style="{style}"><thead>{cells(head, "th")}</thead><tbody>{body}</tbody></table>{below}</div>'
