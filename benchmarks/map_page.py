"""The feature map's page with 16,384 points: script per frame while it is dragged, and script per search.

    python benchmarks/map_page.py [--points 16384] [--json map.json] [--png map.png]

Opens a made-up site (random clumps, no model) in Chromium at 1440 x 1000; needs the extra [browser] and Chromium or
Chrome. Limits to meet: 8 ms a frame, 50 ms a search. `frame` is the time from one frame to the next.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from saekit.concepts import CONCEPTS
from saekit.doctor import find_chromium
from saekit.page.map import Map, fingerprint, map_record
from saekit.page.site import STATIC, write_data

WORDS = "return self import class None True print yield lambda raise while with from index value total width".split()
DRAG = """async (steps) => {
  const took = [], between = [], box = chart.canvas.getBoundingClientRect();
  const middle = [box.left + box.width / 2, box.top + 300];
  const point = (name, x, y) => chart.canvas.dispatchEvent(new PointerEvent(name,
    { pointerId: 1, button: 0, bubbles: true, pointerType: "touch", clientX: x, clientY: y }));
  chart.canvas.setPointerCapture = () => {};
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  point("pointerdown", ...middle);
  let last = performance.now();
  for (let k = 1; k <= steps; k++) {
    point("pointermove", middle[0] + 80 * Math.sin(k / 10), middle[1] + 50 * Math.cos(k / 10));
    await frame();                      // the map draws in this frame's callbacks, the first of which is its own
    const now = performance.now();
    took.push(chart.took); between.push(now - last); last = now;
  }
  point("pointerup", ...middle);
  return { took, between };
}"""
SEARCH = """(queries) => queries.map((query) => { seek(query); return chart.sought; })"""


def made_up_site(folder, n, seed=0):
    """A site of n latents in random clumps, without any model or text."""
    rng = np.random.default_rng(seed)
    names, middles = list(CONCEPTS), rng.uniform(-0.9, 0.9, (n // 16, 2))
    labels = np.where(rng.random(n) < 0.5, rng.integers(0, len(middles), n), -1)
    labels[:2 * len(middles)] = np.tile(np.arange(len(middles)), 2)
    clumps, loose = middles[labels] + rng.normal(0, 0.01, (n, 2)), rng.uniform(-1, 1, (n, 2))
    xy = np.where((labels >= 0)[:, None], clumps, loose).clip(-1, 1)
    numbers = {"clusters": len(middles), "clustered": 0.5, "tight": 0.5, "nearest": 0.6, "kept": 0.3}
    about = {"method": "tsne", "perplexity": 30.0, "structure": numbers, "control": numbers,
             "dictionaries": [{"d_sae": n, "hash": fingerprint(xy), "name": "made up"}]}
    tight = rng.random(len(middles))
    made = Map(xy, labels, tight, rng.uniform(-1, 1, (n, 2)), labels, tight, about)
    rows = [{"density": float(10 ** rng.uniform(-5, -1)), "fires": rng.integers(0, len(WORDS), 3).tolist(),
             "concepts": [names[(label if label >= 0 else rng.integers(999)) % len(names)]]} for label in labels]
    index = [{"id": i, "position": i, "score": 0.5, "writes": [], **row,
              "text": f"{row['concepts'][0]} and “{WORDS[row['fires'][0]]}”"} for i, row in enumerate(rows)]
    site = {"name": "made up", "id": "made up", "model": "none", "layer": 0, "arch": "none", "tokens": 0, "held_out": 0,
            "against": None, "ultra_low": 1e-5, "token_width": 2, "single": False, "map": True}
    for name in STATIC:
        path = Path(folder, name)
        path.write_bytes((Path(__file__).parents[1] / "saekit" / "page" / name).read_bytes())
    write_data(Path(folder), "map", map_record(made, fingerprint(xy), rows, None, 0, folder, WORDS))
    for name, value in {"about": site, "vocabulary": WORDS, "files": [], "index": index}.items():
        write_data(Path(folder), name, value)
    return f"file://{Path(folder, 'index.html').resolve()}#map"


def measure(address, scale, png=None, steps=120):
    """10, 50 and 95 % quantiles of "script per frame", "frame" and "script per search" in ms, at `scale` screen pixels
    per pixel."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000}, device_scale_factor=scale)
        page.set_default_timeout(120_000)
        page.goto(address)
        page.locator("#chart").wait_for()
        page.wait_for_timeout(1000)
        if png:
            page.screenshot(path=png)
        dragged = page.evaluate(DRAG, steps)
        sought = page.evaluate(SEARCH, ["r", "re", "ret", "return", "keyword import", "no such thing", "", "12"] * 3)
        browser.close()
    times = {"script per frame": dragged["took"][5:], "frame": dragged["between"][5:], "script per search": sought}
    return {name: {f"{share:.0%}": round(float(np.quantile(ms, share)), 2) for share in (0.1, 0.5, 0.95)}
            for name, ms in times.items()}


def main():
    """Print and, with --json, write what was measured at one and at two screen pixels per pixel."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=16_384)
    parser.add_argument("--json")
    parser.add_argument("--png")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address, found = made_up_site(folder, args.points), {"points": args.points}
        for scale in (1, 2):
            found[f"{scale} screen pixel(s) per pixel"] = measure(address, scale, args.png if scale == 1 else None)
    print(json.dumps(found, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
