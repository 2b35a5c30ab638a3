"""Documents as HTML: a fragment for notebooks, and a page that needs nothing but itself. Mathematics is MathML."""

import re
from html import escape

from ..derive.notation import Box
from ..derive.notation_mathml import mathml
from ..derive.notation_plain import plain
from .document import Code, Document, Equations, Heading, Paragraph, Picture, Program, Table, Unfold

STYLE = """
.lw-explain{--ink:#1d2129;--soft:#5c6470;--line:#e3e6ea;--paper:#fff;--card:#f7f8fa;--accent:#7a3e9d;--mark:#f3eafa;
 color:var(--ink);font:15px/1.6 system-ui,-apple-system,"Segoe UI","PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
@media (prefers-color-scheme:dark){.lw-explain{--ink:#e7e9ee;--soft:#a0a8b5;--line:#353a44;--paper:#16181d;--card:#1e2128;--accent:#c79bea;--mark:#2b2236}}
.lw-explain *{box-sizing:border-box}
.lw-explain h1{font-size:1.65em;line-height:1.25;margin:.2em 0 .5em;letter-spacing:-.01em}
.lw-explain h2{font-size:1.2em;margin:2em 0 .6em;padding-bottom:.3em;border-bottom:2px solid var(--line)}
.lw-explain h3{font-size:1.02em;margin:1.3em 0 .4em}
.lw-explain p{margin:.5em 0;max-width:52em}
.lw-explain .quiet{color:var(--soft);font-size:.93em}
.lw-explain code{font:0.9em ui-monospace,"SF Mono",Consolas,"DejaVu Sans Mono",monospace;background:var(--mark);padding:.1em .35em;border-radius:4px}
.lw-explain pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.8em 1em;overflow-x:auto;line-height:1.45}
.lw-explain pre code{background:none;padding:0}.lw-explain pre .out{color:var(--soft)}
.lw-explain math{font-size:1.06em;font-family:"STIX Two Math","Latin Modern Math","Cambria Math",math}
.lw-explain .eq{overflow-x:auto;overflow-y:hidden;margin:.5em 0;padding-bottom:2px}
.lw-explain .eq table{border-collapse:collapse;border:0;background:none;margin:0}
.lw-explain .eq td{padding:.28em .25em;border:0;vertical-align:middle;text-align:left;white-space:nowrap;background:none}
.lw-explain .eq td.l{text-align:right}.lw-explain .eq td.why{color:var(--soft);padding-left:2em;font-size:.92em;white-space:normal;min-width:16em;max-width:34em}
@media (max-width:760px){.lw-explain .eq table,.lw-explain .eq tbody{display:block}.lw-explain .eq tr{display:flex;flex-wrap:wrap;align-items:center}
.lw-explain .eq td.why{flex:0 0 100%;min-width:0;max-width:none;padding:0 0 .5em 1.4em}}
.lw-explain .grid{overflow-x:auto}
.lw-explain .grid table{border-collapse:collapse;font-size:.95em;margin:.4em 0}
.lw-explain .grid th{text-align:left;font-weight:600;color:var(--soft);font-size:.86em}
.lw-explain .grid th,.lw-explain .grid td{padding:.3em 1.2em .3em 0;border:0;border-bottom:1px solid var(--line);text-align:left;background:none;white-space:nowrap}
.lw-explain details{background:var(--card);border:1px solid var(--line);border-radius:9px;margin:.45em 0;padding:0 .9em}
.lw-explain details[open]{padding-bottom:.6em}
.lw-explain details details{background:var(--paper)}
.lw-explain summary{cursor:pointer;padding:.5em 0;list-style:none;display:flex;gap:.7em;align-items:center}
.lw-explain summary::-webkit-details-marker{display:none}
.lw-explain summary::before{content:"";border:.28em solid transparent;border-left-color:var(--accent);border-right:0;flex:none;transition:transform .12s}
.lw-explain details[open]>summary::before{transform:rotate(90deg)}
.lw-explain summary .what{overflow-x:auto;overflow-y:hidden;padding:.1em 0}
.lw-explain summary .aside{margin-left:auto;color:var(--soft);font-size:.85em;white-space:nowrap;padding-left:1em}
.lw-explain a{color:var(--accent);text-decoration:none}.lw-explain a:hover{text-decoration:underline}
.lw-explain svg{max-width:100%;height:auto}
"""

_PAGE = """
html,body{margin:0;background:#fff}@media (prefers-color-scheme:dark){html,body{background:#16181d}}
.lw-page{display:grid;grid-template-columns:15.5em minmax(0,1fr);min-height:100vh;background:var(--paper)}
.lw-page nav{border-right:1px solid var(--line);padding:1.6em 1em 2em 1.4em;font-size:.88em;position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto}
.lw-page nav b{display:block;margin:1.2em 0 .3em}.lw-page nav b:first-child{margin-top:0}.lw-page nav b a{color:var(--ink)}
.lw-page nav a{display:block;padding:.12em 0;color:var(--soft);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.lw-page main{padding:1.6em 2.4em 5em;max-width:75em}
@media (max-width:760px){.lw-page{grid-template-columns:minmax(0,1fr)}.lw-page nav{display:none}.lw-page main{padding:1em 1em 3em}}
@media print{.lw-page nav{display:none}.lw-page{display:block}}
:target{scroll-margin-top:1em;outline:2px solid var(--accent);outline-offset:3px;border-radius:6px}
"""


def math(inner: str, block: bool = False) -> str:
    """A <math> element."""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{" display=" + chr(34) + "block" + chr(34) if block else ""}>{inner}</math>'


def inline(pieces) -> str:
    """A sentence."""
    out = ""
    for p in pieces:
        if isinstance(p, Box):
            out += math(mathml(p))
        elif isinstance(p, Code):
            out += f"<code>{escape(p.text)}</code>"
        else:
            out += escape(str(p))
    return out


def _display(box: Box) -> str:
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mstyle displaystyle="true">{mathml(box)}</mstyle></math>'


def _equations(rows) -> str:
    out = ""
    reasons = any(r.why for r in rows)
    for r in rows:
        left = "" if r.left is None else _display(r.left)
        sign = math(f"<mo>{escape(r.relation)}</mo>")
        why = f'<td class="why">{inline(r.why)}</td>' if reasons else ""
        out += f'<tr><td class="l">{left}</td><td>{sign}</td><td>{_display(r.right)}</td>{why}</tr>'
    return f'<div class="eq"><table>{out}</table></div>'


_OPEN = ' open=""'


def _id(anchor: str) -> str:
    return f' id="{escape(anchor)}"' if anchor else ""


def blocks_html(blocks) -> str:
    """The elements of some blocks."""
    out = []
    for b in blocks:
        if isinstance(b, Heading):
            out.append(f"<h{b.level}{_id(b.anchor)}>{escape(b.text)}</h{b.level}>")
        elif isinstance(b, Paragraph):
            kind = ' class="quiet"' if b.quiet else ""
            out.append(f"<p{kind}>{inline(b.pieces)}</p>")
        elif isinstance(b, Equations):
            out.append(_equations(b.rows))
        elif isinstance(b, Table):
            head = "".join(f"<th>{escape(h)}</th>" for h in b.header)
            rows = "".join("<tr>" + "".join(f"<td>{inline(c)}</td>" for c in row) + "</tr>" for row in b.rows)
            out.append(f'<div class="grid"><table>{f"<tr>{head}</tr>" if any(b.header) else ""}{rows}</table></div>')
        elif isinstance(b, Unfold):
            aside = f'<span class="aside">{escape(b.aside)}</span>' if b.aside else ""
            head = f'<summary><span class="what">{inline(b.summary)}</span>{aside}</summary>'
            out.append(f"<details{_id(b.anchor)}{_OPEN if b.open else ''}>{head}{blocks_html(b.blocks)}</details>")
        elif isinstance(b, Program):
            shown = f'\n<span class="out">{escape(b.output.rstrip())}</span>' if b.output else ""
            out.append(f"<pre><code>{escape(b.text.rstrip())}</code>{shown}</pre>")
        elif isinstance(b, Picture):
            out.append(f'<figure aria-label="{escape(b.about)}">{b.svg}</figure>')
    return "\n".join(out)


def fragment(document: Document) -> str:
    """A part of a page, with its own style: what a notebook shows."""
    return f'<div class="lw-explain" lang="{document.language}"><style>{STYLE}</style><h1>{escape(document.title)}</h1>{blocks_html(document.blocks)}</div>'


def _contents(blocks) -> str:
    out = []
    for b in blocks:
        if isinstance(b, Heading) and b.level == 2 and b.anchor:
            out.append(f'<b><a href="#{escape(b.anchor)}">{escape(b.text)}</a></b>')
        elif isinstance(b, Unfold) and b.anchor:
            long = b.aside and sum(len(plain(p) if isinstance(p, Box) else str(p)) for p in b.summary) > 26  # a formula isn't cut
            shown = inline([*b.summary[:1], f"  {b.aside}"] if long else b.summary[:3])
            out.append(f'<a href="#{escape(b.anchor)}">{shown}</a>')
    return "".join(out)


# A link into a closed step opens it.
_SCRIPT = (
    "<script>function o(){var t=location.hash&&document.getElementById(decodeURIComponent(location.hash.slice(1)));"
    "while(t){if(t.tagName==='DETAILS')t.open=true;t=t.parentElement}}addEventListener('hashchange',o);o()</script>"
)


def page(document: Document) -> str:
    """A whole page that loads nothing from anywhere."""
    nav = _contents(document.blocks)
    nav = re.sub(r' id="[^"]*"', "", nav)
    return (
        f'<!DOCTYPE html>\n<html lang="{document.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<title>{escape(document.title)}</title><link rel="icon" href="data:,"><style>{STYLE}{_PAGE}</style></head>\n'
        f'<body><div class="lw-explain lw-page"><nav>{nav}</nav><main><h1>{escape(document.title)}</h1>\n'
        f"{blocks_html(document.blocks)}\n</main></div>{_SCRIPT}</body></html>\n"
    )
