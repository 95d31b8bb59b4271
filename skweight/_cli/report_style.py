"""The look of the report: plain CSS, light and dark, no fonts or files from elsewhere."""

CSS = """
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --card: #ffffff; --ink: #1b2330; --faint: #5d6675; --line: #dedbd3;
  --ours: #c2410c; --theirs: #64748b; --third: #2563eb; --fourth: #0f8a6d;
  --ours-soft: #fdf0e8; --code: #f1efe9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1a2029; --ink: #e8e6e1; --faint: #a0a8b5; --line: #343c49;
    --ours: #ff9055; --theirs: #93a1b5; --third: #7aa7ff; --fourth: #4fd1ae;
    --ours-soft: #2b221d; --code: #141920;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -.02em; margin: .2rem 0 .8rem; }
h2 { font-size: 1.5rem; letter-spacing: -.01em; margin: 3rem 0 .3rem; }
h3 { font-size: 1.15rem; margin: 0 0 .5rem; }
h4 { font-size: .95rem; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; max-width: 46rem; }
small { display: block; color: var(--faint); font-weight: 400; font-size: .78rem; }
.brand { font-weight: 700; color: var(--ours); margin: 0; }
.brand span { font-weight: 400; color: var(--faint); }
.lead { color: var(--faint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1rem; }
.tile {
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: .9rem 1.1rem;
}
.tile b { display: block; font-size: 2rem; line-height: 1.1; }
.tile span { color: var(--faint); }
.tile.better b { color: var(--ours); }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: .9rem;
  padding: 1.5rem; margin: 1.25rem 0;
}
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 2rem; }
.two > div { min-width: 0; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .55rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
thead th { color: var(--faint); font-weight: 600; font-size: .82rem; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 15rem; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.ours { background: var(--ours-soft); }
td.best { font-weight: 700; }
tr.ours td.best { color: var(--ours); }
.tag, .badge {
  display: inline-block; border-radius: 1rem; padding: 0 .55rem; font-size: .74rem;
  font-weight: 600; line-height: 1.5; white-space: nowrap;
}
.tag { background: var(--ours); color: var(--card); }
.verdicts {
  list-style: none; margin: 0 0 1.5rem; padding: 0; font-size: .92rem;
  display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: .1rem 2rem;
}
.verdicts li { padding: .3rem 0; display: flex; gap: .7rem; align-items: baseline; }
.badge { border: 1px solid var(--line); color: var(--faint); flex: 0 0 7.6rem; text-align: center; }
.better .badge { border-color: var(--ours); color: var(--ours); }
.worse .badge { border-color: var(--theirs); color: var(--ink); }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.5rem 2rem; }
.figures figure:first-child { grid-column: 1 / -1; }
@media (max-width: 48rem) { .figures { grid-template-columns: minmax(0, 1fr); } }
figure { margin: 0; min-width: 0; }
figure svg { width: 100%; height: auto; display: block; overflow: visible; }
figcaption { color: var(--faint); font-size: .85rem; margin-top: .4rem; }
pre {
  background: var(--code); border: 1px solid var(--line); border-radius: .6rem;
  padding: .9rem 1rem; overflow-x: auto; font-size: .85rem; line-height: 1.5; margin: 0 0 1rem;
}
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
dl { margin: 0; }
dt { font-weight: 600; }
dt small { display: inline; margin-left: .3rem; }
dd { margin: 0 0 .7rem; color: var(--faint); font-size: .92rem; }
details { margin-top: 1rem; color: var(--faint); font-size: .9rem; }
summary { cursor: pointer; }
.versions {
  list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
}
.versions li { font-size: .88rem; color: var(--faint); }
@media print { body { background: none; } .card { break-inside: avoid; } }
"""
