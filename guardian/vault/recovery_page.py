"""The recovery code on paper: one page that needs nothing else, to print and put away."""

from __future__ import annotations

import html
from string import Template

import segno

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Guardian recovery code</title>
<style>
@page { margin: 20mm }
body { max-width: 42em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; color: #000; background: #fff }
h1 { margin: 0 0 .5em; font-size: 1.6em }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5em, 1fr)); gap: .6em; margin: 1.5em 0; padding: 0; list-style: none; counter-reset: group }
li { padding: .5em; border: 1px solid #000; border-radius: 4px; font: bold 1.5em/1.2 ui-monospace, monospace; text-align: center; counter-increment: group; break-inside: avoid }
li::before { content: counter(group) "."; display: block; font: .55em/1.2 system-ui, sans-serif }
svg { display: block; width: 45mm; height: 45mm; margin: 1.5em 0 }
.warning { padding: .7em 1em; border: 2px solid #000 }
</style>
</head>
<body>
<h1>Recovery code of a Guardian vault</h1>
<p>Made on $made. It opens what this Guardian has recorded, like the passphrase, and sets a new passphrase when that one is lost.</p>
<ol>
$groups
</ol>
$qr
<p class="warning"><strong>This page is a key.</strong> Whoever has it, and the box or a login to it, can watch everything that was
recorded. Print it, keep the paper away from the box, and delete the file.</p>
<p>To use it: on the Vault page choose “Passphrase lost?”, or call <code>guardian vault recover</code>, and type the eight groups. In each
group the last character is a check, so a slip is told with its place. There is neither I, L, O nor U.</p>
<p>A newer code ends this one: then throw the paper away.</p>
</body>
</html>
""")


def page(code: str, made: str) -> str:
    """Return the page as HTML. `made`: a date as people write it."""
    groups = "\n".join(f"<li>{html.escape(group)}</li>" for group in code.split("-"))
    return _PAGE.substitute(made=html.escape(made), groups=groups, qr=qr_svg(code))


def qr_svg(code: str) -> str:
    """Return the code as a QR code, an SVG element without style or script."""
    return segno.make_qr(code, error="m").svg_inline(border=2, dark="#000", light="#fff", omitsize=True)
