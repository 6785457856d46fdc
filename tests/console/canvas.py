"""What is drawn on the chart of a page."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

_DRAWN = """() => {
    const canvas = document.querySelector("#chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = {};
    for (let at = 0; at < data.length; at += 4) {
        if (!data[at + 3]) continue;
        const color = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
        const row = Math.floor(at / 4 / canvas.width);
        found[color] ??= { pixels: 0, edges: 0, height: 1 - row / canvas.height };
        found[color][data[at + 3] === 255 ? "pixels" : "edges"] += 1;
    }
    return found;
}"""
_COLORS = "spans => spans.map(span => getComputedStyle(span).backgroundColor)"


@dataclass(frozen=True, slots=True)
class Drawn:
    """So many pixels of a color, at its edges where one shines through, and how far up, 0 to 1."""

    pixels: int
    edges: int
    height: float


NOWHERE = Drawn(0, 0, 0.0)


def drawn(tab: Page) -> dict[str, Drawn]:
    """Return the colors of the chart, as CSS has them."""
    return {color: Drawn(**one) for color, one in tab.evaluate(_DRAWN).items()}


def legend(tab: Page) -> list[str]:
    """Return the colors of the series, in the order of their table."""
    return list(tab.locator("table.series .swatch").evaluate_all(_COLORS))
