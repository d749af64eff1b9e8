"""The chart: of what was waited in a case, how much a tool reports, and whether
on those who caused it."""

from html import escape

# Colour-blind safe; blue is right, orange is wrong, whoever says it.
RIGHT, WRONG, NOBODYS, INK, SOFT, BAND = (
    "#2166ac", "#e6812c", "#b4bec8", "#1f2933", "#637381", "#edf4fb"
)

PANELS = [
    ("ladder", "Five holders in line, 100 to 500 ms"),
    ("innocent", "One slow holder, 16 with nothing to do"),
    ("hog-4", "A hog of 4 ms against 4 victims of 2 µs"),
    ("pending-writer", "A slow reader, an idle writer, 5 readers behind"),
    ("overlapping-readers", "A writer waits for 3 readers that overlap"),
    ("rate-50", "8 busy threads, sampled: 1 of 50"),
]

WIDTH, MARGIN, GAP = 920, 24, 36
PANEL = (WIDTH - 2 * MARGIN - GAP) / 2
LABEL, NUMBER, LINE, BAR = 86, 56, 24, 15
# The axis reaches this part of the truth.
REACH = 1.3


class Svg:
    """Lines of SVG."""

    def __init__(self):
        self.lines = []

    def text(self, x, y, text, size=13, anchor="start", weight="normal", fill=INK):
        """A line of text with its base line at y."""
        self.lines.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
        )

    def box(self, x, y, width, height, fill, more=""):
        """A rectangle."""
        self.lines.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{fill}"{more and " " + more}/>'
        )

    def rule(self, x, top, bottom):
        """The line where all is reported."""
        self.lines.append(
            f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{INK}" stroke-width="1"/>'
        )


def draw(results):
    """The chart as SVG."""
    shown = [one for one in results if one[0].name != "holdup-default"]
    present = [one for one in shown if one[1]]
    missing = [tool.title for tool, output, _ in shown if output is None]
    panel_height = 50 + LINE * len(present)
    rows = (len(PANELS) + 1) // 2
    top = 108
    height = top + rows * panel_height + 40
    svg = Svg()
    svg.box(0.5, 0.5, WIDTH - 1, height - 1, "#ffffff", 'rx="8" stroke="#d5dce3"')
    svg.text(MARGIN, 36, "Who held everybody up? What each profiler says, against the truth",
             18, weight="bold")
    svg.text(MARGIN, 57, "A bar is the waiting that is reported; at the line it is all there was, "
             "by the threads' own clocks. Per cent: how much is right.", 13, fill=SOFT)
    _legend(svg, 84)
    for place, (case, title) in enumerate(PANELS):
        x = MARGIN + (place % 2) * (PANEL + GAP)
        _panel(svg, x, top + (place // 2) * panel_height, case, title, present)
    if missing:
        foot = f"Missing, because they could not be installed: {', '.join(missing)}."
        svg.text(MARGIN, height - 20, foot, 12, fill=SOFT)
    body = "\n".join(svg.lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'font-family="system-ui, \'Segoe UI\', Helvetica, Arial, \'DejaVu Sans\', sans-serif">\n'
        f"<title>What each profiler reports of what was waited</title>\n{body}\n</svg>\n"
    )


def _legend(svg, y):
    x = MARGIN
    for fill, more, text in [
        (RIGHT, "", "charged to who caused it"),
        (WRONG, "", "charged to others"),
        (NOBODYS, "", "said to be nobody's: the lock was free"),
        ("none", f'stroke="{SOFT}" stroke-dasharray="3 2"', "not reported"),
    ]:
        svg.box(x, y - 11, 22, 13, fill, more)
        svg.text(x + 29, y, text, 13)
        x += 29 + 7.1 * len(text) + 24


def _panel(svg, x, y, case, title, present):
    svg.text(x, y + 24, title, 14, weight="bold")
    zero = x + LABEL
    scale = (PANEL - LABEL - NUMBER) / REACH
    first = y + 34
    for place, (tool, output, _) in enumerate(present):
        ours = tool.name == "holdup"
        line = first + place * LINE
        if ours:
            svg.box(x - 6, line, PANEL + 12, LINE, BAND, 'rx="4"')
        svg.text(zero - 10, line + 17, tool.title, 13, "end", "bold" if ours else "normal")
        verdict = output.verdicts.get(case)
        if verdict:
            _bar(svg, zero, line + (LINE - BAR) / 2, scale, verdict)
            right = f"{100 * verdict.agreement:.0f} %"
            svg.text(x + PANEL, line + 17, right, 13, "end", "bold" if ours else "normal",
                     RIGHT if verdict.agreement > 0.95 else "#b3541e")
        else:
            why = output.none.get(case, "not run")
            svg.text(zero + 6, line + 17, f"n/a: {why}", 12, fill=SOFT)
    end = first + len(present) * LINE
    svg.rule(zero + scale, first - 2, end + 2)


def _bar(svg, zero, y, scale, verdict):
    truth = verdict.true_total
    right = verdict.right_ms / truth
    nobodys = sum(verdict.nobodys.values()) / truth
    wrong = verdict.wrong_ms / truth
    said = right + nobodys + wrong
    if said < 0.995:
        svg.box(zero + said * scale, y + 0.5, (1 - said) * scale, BAR - 1, "none",
                f'stroke="{SOFT}" stroke-dasharray="3 2"')
    at = zero
    for part, fill in ((right, RIGHT), (nobodys, NOBODYS), (wrong, WRONG)):
        part = min(part, REACH - (at - zero) / scale)
        if part > 0:
            svg.box(at, y, part * scale, BAR, fill)
        at += max(part, 0) * scale
    if said > REACH:
        svg.text(zero + REACH * scale - 6, y + BAR - 3, f"{said:.{1 if said < 10 else 0}f} x ▸",
                 12, "end", "bold", "#ffffff")
