"""The label sheet as a form: one page that opens from a disk, loads nothing, sends nothing and saves a file."""

from __future__ import annotations

import base64
import hashlib

from ladder_bench import content
from ladder_bench.calibration.sheets import LabelSheet
from ladder_bench.calibration.spreadsheet import BACKGROUND
from ladder_bench.report import html, text

TITLES = {
    "system_prompt": "System prompt", "facts": "What is known", "reference": "A good answer, for reference",
    "intent": "What the user wanted",
}  # fmt: skip


def page(sheet: LabelSheet, spreadsheet: str) -> str:
    """The form. `spreadsheet`: the name of the CSV file, for who runs no scripts."""
    from markupsafe import Markup

    style, script = _asset("labels.css"), _asset("labels.js")
    return (
        html.environment()
        .get_template("labels.html.jinja")
        .render(
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
            sheet=sheet,
            total=len(sheet.ids),
            titles=TITLES,
            background=BACKGROUND,
            spreadsheet=spreadsheet,
            shown=text.shown,
        )
    )


def policy(style: str, script: str) -> str:
    """The content security policy: nothing from anywhere, and of styles and scripts only these."""
    parts = ("default-src 'none'", f"style-src '{_hash(style)}'", f"script-src '{_hash(script)}'")
    return "; ".join((*parts, "base-uri 'none'", "form-action 'none'"))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _asset(name: str) -> str:
    return content.shipped("reports", "templates", name).read_text(encoding="utf-8").strip()
