"""The figure: cost against quality with intervals, drawn by matplotlib as SVG and PNG that are the same each time."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from ladder_bench.report import text
from ladder_bench.report.marks import LABELS, LONGEST_NAME, Mark, Marks, place, single_tier_line

# Colours of the light theme; in a page each becomes a variable, so that the dark theme can change it.
COLOURS = {
    "#1b1f24": "--plot-ink",
    "#5c6670": "--plot-soft",
    "#d5dae0": "--plot-grid",
    "#0b5cad": "--plot-strategy",
    "#8a94a0": "--plot-control",
    "#b5470f": "--plot-single",
    "#fefefe": "--plot-paper",
}
INK, SOFT, GRID, STRATEGY, CONTROL, SINGLE, PAPER = COLOURS
SHAPES = {"front": "o", "undecided": "D", "dominated": "v"}
SIZES = {"front": 8.5, "undecided": 6.5, "dominated": 7.5}
BANNER = 110  # characters that fit above the axes
KEY_LINE = 0.19  # inches a line of the key
SETTINGS = {
    "svg.hashsalt": "ladder-bench",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.unicode_minus": True,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "text.parse_math": False,
    "path.simplify": False,
}


def draw(found: Marks, banners: Sequence[str]) -> tuple[str, str, bytes]:
    """Draw a run: SVG for a page (its key stands beside it), SVG with its key, PNG with its key."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        inline = _svg(_figure(found, key=False, banner=None), found)
        whole = _figure(found, key=True, banner=banners[0] if banners else None)
        return for_page(inline), _svg(whole, found), _png(whole)


def whole(found: Marks, banners: Sequence[str]) -> Any:
    """A run as a matplotlib figure with its key."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        return _figure(found, key=True, banner=banners[0] if banners else None)


def for_page(svg: str) -> str:
    """An SVG for the inside of a page: no prolog, colours as variables, as wide as there is room."""
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg[svg.index("<svg") :])
    svg = svg.replace("*{stroke-linejoin", ".plot *{stroke-linejoin", 1)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r"font-family: [^;\"]+", "font-family: inherit", svg)
    size, role = r' width="[\d.]+pt" height="[\d.]+pt"', ' class="plot" aria-hidden="true" focusable="false"'
    return re.sub(size, role, svg, count=1)


# --- drawing -------------------------------------------------------------------------------


def _figure(found: Marks, key: bool, banner: str | None) -> Any:
    from matplotlib.figure import Figure

    lines = len(found.drawn) if key and found.numbered else 0
    height = max(4.5 if found.has_quality else 1.3 + 0.3 * len(found.drawn), 1.3 + KEY_LINE * lines)
    width = 7.2 + (4.3 if lines else 0.0)
    figure = Figure((width, height))
    axes = figure.add_axes((0.75 / width, 0.62 / height, 6.25 / width, 1 - (0.62 + 0.62) / height))
    if not found.drawn:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no strategy has a cost to draw", ha="center", transform=axes.transAxes, color=SOFT)
        return figure
    if found.has_quality:
        _scatter(figure, axes, found)
    else:
        _costs(axes, found)
    _dress(axes, found)
    if lines:
        _key(figure, found, width, height)
    if banner:
        figure.text(
            0.75 / width, 1 - 0.1 / height, text.one_line(banner)[:BANNER], fontsize=8.5, color=SINGLE, va="top"
        )
    return figure


def _scatter(figure: Any, axes: Any, found: Marks) -> None:
    _limits(axes, found)
    line = single_tier_line(found.drawn)
    if line:
        xs, ys = zip(*line, strict=True)
        axes.plot(xs, ys, color=SINGLE, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1, gid="single-tier-line")
    for mark in sorted(found.drawn, key=lambda each: (not each.control, each.number)):
        _point(axes, mark, mark.quality or 0.0, mark.quality_interval)
    axes.set_ylabel(_quality(found))
    _labels(figure, axes, found)


def _quality(found: Marks) -> str:
    """What the upright axis shows: quality, or the preference that stands for it, over whom if that fits."""
    if found.over is None:
        return "quality Q"
    return f"preference over {found.over}" if len(found.over) <= LONGEST_NAME else "preference"


def _costs(axes: Any, found: Marks) -> None:
    """Without quality: a line a strategy, so that costs at least can be compared."""
    axes.set_xscale("log")
    for row, mark in enumerate(found.drawn):
        _point(axes, mark, float(-row), None)
    axes.set_yticks([-row for row in range(len(found.drawn))])
    axes.set_yticklabels([str(mark.number) if found.numbered else mark.name for mark in found.drawn])
    axes.set_ylim(-len(found.drawn) + 0.4, 0.6)
    axes.margins(x=0.06)
    if not found.numbered:
        axes.set_position((0.3, axes.get_position().y0, 0.66, axes.get_position().height))


def _colour(mark: Mark) -> str:
    return SINGLE if mark.single else CONTROL if mark.control else STRATEGY


def _point(axes: Any, mark: Mark, y: float, vertical: tuple[float, float] | None) -> None:
    colour, fade = _colour(mark), 0.55 if mark.control else 0.9
    label = "front" if mark.quality is None else mark.label  # without quality there is no front: all dots are alike
    if mark.cost_interval:
        low, high = max(mark.cost_interval[0], mark.cost / 10), mark.cost_interval[1]
        axes.plot([low, high], [y, y], color=colour, linewidth=1, alpha=fade, zorder=2, gid=f"cost-{mark.number}")
    if vertical:
        xs = [mark.cost, mark.cost]
        axes.plot(xs, list(vertical), color=colour, linewidth=1, alpha=fade, zorder=2, gid=f"quality-{mark.number}")
    axes.plot(
        [mark.cost], [y], SHAPES.get(label, "s"), markersize=SIZES.get(label, 6.5), zorder=4,
        color=colour, markerfacecolor=colour if label == "front" else PAPER,
        markeredgecolor=colour, markeredgewidth=1.4, gid=f"point-{mark.number}",
    )  # fmt: skip


def _limits(axes: Any, found: Marks) -> None:
    """Fix the axes before labels are placed."""
    axes.set_xscale("log")
    lows = [max(m.cost_interval[0], m.cost / 10) if m.cost_interval else m.cost for m in found.drawn]
    highs = [m.cost_interval[1] if m.cost_interval else m.cost for m in found.drawn]
    left, right = min(lows), max(highs)
    if right < 2 * left:  # one point or a few alike: an axis that shows the noise would mislead
        left, right = left / 1.5, right * 1.5
    axes.set_xlim(left / (right / left) ** 0.06 / 1.05, right * (right / left) ** 0.06 * 1.05)
    values = [v for m in found.drawn for v in (m.quality_interval or (m.quality or 0.0,))]
    margin = max(0.08 * (max(values) - min(values)), 0.05 - (max(values) - min(values)) / 2)
    axes.set_ylim(min(values) - margin, max(values) + margin)


def _labels(figure: Any, axes: Any, found: Marks) -> None:
    """A number or a name beside each point, off the others, with a thin line where it had to move away."""
    marks = found.drawn
    texts = [str(mark.number) if found.numbered else mark.name for mark in marks]
    scale = figure.dpi / 72
    sizes = [(5.8 * scale * len(each) + 4, 11.5 * scale) for each in texts]
    points = [tuple(map(float, axes.transData.transform((m.cost, m.quality or 0.0)))) for m in marks]
    bars = [box for mark in marks for box in _bar_boxes(axes, mark)]
    box = axes.get_window_extent()
    frame = (box.x0 + 2, box.y0 + 2, box.x1 - 2, box.y1 - 2)
    for mark, point, size, label, spot in zip(
        marks, points, sizes, texts, place([(p[0], p[1]) for p in points], sizes, bars, frame), strict=True
    ):
        x, y = axes.transData.inverted().transform(spot)
        far = max(abs(point[0] - spot[0]) - size[0] / 2, abs(point[1] - spot[1]) - size[1] / 2) > 10 * scale
        if far:
            axes.plot([mark.cost, x], [mark.quality, y], color=SOFT, linewidth=0.5, alpha=0.6, zorder=1)
        axes.text(
            x, y, label, ha="center", va="center_baseline", fontsize=8.5, zorder=5, gid=f"label-{mark.number}",
            color=SOFT if mark.control and not mark.single else INK,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.4, "alpha": 0.75},
        )  # fmt: skip


def _bar_boxes(axes: Any, mark: Mark) -> list[tuple[float, float, float, float]]:
    boxes = []
    for a, b in ((mark.cost_interval, None), (None, mark.quality_interval)):
        first = (a[0] if a else mark.cost, b[0] if b else mark.quality or 0.0)
        last = (a[1] if a else mark.cost, b[1] if b else mark.quality or 0.0)
        if first[0] > 0 and first != last:
            (x0, y0), (x1, y1) = axes.transData.transform(first), axes.transData.transform(last)
            boxes.append((float(x0) - 1, float(y0) - 1, float(x1) + 1, float(y1) + 1))
    return boxes


def _dress(axes: Any, found: Marks) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    known = any(mark.cost_interval for mark in found.drawn)
    axes.set_xlabel(f"USD a conversation (warm cache, log scale), {'with 95 %' if known else 'too few for'} intervals")
    left, right = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if right / left < 200 else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,.10f}".rstrip("0").rstrip(".")))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    _legend(axes, found)


def _legend(axes: Any, found: Marks) -> None:
    """Above the axes: what shapes and colours mean."""
    from matplotlib.lines import Line2D

    handles = []
    if found.has_quality:
        handles = [
            Line2D([], [], linestyle="", marker=SHAPES[label], markersize=6, color=SOFT,
                   markerfacecolor=SOFT if label == "front" else PAPER, label=label)
            for label in LABELS if any(mark.label == label for mark in found.drawn)
        ]  # fmt: skip
    kinds = [(STRATEGY, "strategy"), (SINGLE, "single tier"), (CONTROL, "control")]
    used = {_colour(mark) for mark in found.drawn}
    handles += [Line2D([], [], color=colour, linewidth=3, label=label) for colour, label in kinds if colour in used]
    if single_tier_line(found.drawn):
        handles.append(Line2D([], [], color=SINGLE, linewidth=1.2, linestyle=(0, (5, 3)), label="tiers mixed"))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncol=len(handles), frameon=False, fontsize=8,
        handletextpad=0.4, columnspacing=1.1, borderaxespad=0.1, handlelength=1.4,
    )  # fmt: skip


def _key(figure: Any, found: Marks, width: float, height: float) -> None:
    for row, mark in enumerate(found.drawn):
        y = 1 - (0.62 + KEY_LINE * row) / height
        figure.text(7.3 / width, y, str(mark.number), fontsize=8, ha="right", va="top", color=INK)
        name = mark.name if len(mark.name) <= 56 else mark.name[:55] + "…"
        figure.text(7.4 / width, y, name, fontsize=8, va="top", color=SOFT if mark.control else INK)


# --- writing -------------------------------------------------------------------------------

_UNDATED: Mapping[str, None] = {"Date": None, "Creator": None, "Format": None, "Type": None}


def _svg(figure: Any, found: Marks) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata=dict(_UNDATED))
    svg = stream.getvalue().decode("utf-8")
    for mark in found.drawn:
        start = f'<g id="point-{mark.number}">'
        svg = svg.replace(start, f"{start}<title>{_title(mark, found)}</title>", 1)
    return svg


def _title(mark: Mark, found: Marks) -> str:
    parts = [f"{mark.number}. {mark.name}", text.dollars(mark.cost)]
    if mark.quality is not None:
        parts += [f"{'Q' if found.over is None else 'preference'} {text.score(mark.quality)}", mark.label]
    return escape(" · ".join(parts))


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=144, metadata={"Software": None})
    return stream.getvalue()
