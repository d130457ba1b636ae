/** How pages look: light or dark as the reader has it, from nothing but the page itself. */

// The first are those of Okabe and Ito, distinct for the colour-blind too; all are lighter on dark.
const LIGHT = [
  ...["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b47f00"],
  ...["#6a3d9a", "#666666", "#1298ad", "#8c4a2f", "#111111"],
];
const DARK = [
  ...["#56a8e0", "#ff8a4c", "#2fc79a", "#e69ac8", "#f0b93a"],
  ...["#b79cf0", "#aaaaaa", "#6fe0f2", "#cfa083", "#ffffff"],
];

/** How many series of a chart have a colour of their own. */
export const COLOURS: number = LIGHT.length;

const variables = (colours: readonly string[]) =>
  colours.map((colour, i) => `--series-${i}: ${colour};`).join(" ");

export const STYLE: string = `
:root { color-scheme: light dark; --text: #1b1f24; --page: #ffffff; --line: #8884; --soft: #8881;
  ${variables(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7eb; --page: #16191d;
  ${variables(DARK)} } }
${LIGHT.map((_, i) => `.series-${i} { --colour: var(--series-${i}); }`).join("\n")}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: var(--text); background: var(--page);
  overflow-wrap: break-word; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1, h2, h3 { line-height: 1.25; font-weight: 600; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.75rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.note { font-size: .875rem; opacity: .8; }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .8125rem; }
pre { margin: 0; padding: .2rem .6rem; overflow-x: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; }
td:last-child:not(.number) { min-width: 16rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; }
.equations { overflow-x: auto; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--soft); }
math { font-size: 1.1em;
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Libertinus Math",
    "DejaVu Math TeX Gyre", math; }
.equations math { width: max-content; margin: 0; }
.equations mtd { padding-top: .2em; padding-bottom: .2em; }
.tml-right { text-align: right; } .tml-left { text-align: left; }
.program { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: .75rem; align-items: start; }
.program > * { min-width: 0; }
.program pre { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.files { display: grid; gap: .25rem; margin: .5rem 0; }
.files details { min-width: 0; }
.file { max-height: 32rem; overflow: auto; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; user-select: all; -webkit-user-select: all; }
.chart { margin: 1rem 0; }
.chart svg { display: block; width: 100%; height: auto; fill: currentColor; font-size: 12px; }
.chart .grid { stroke: var(--line); }
.chart .curve { fill: none; stroke: var(--colour); stroke-width: 2; stroke-linejoin: round; }
.chart .band { fill: var(--colour); opacity: .18; }
.chart .dot { fill: var(--colour); }
.chart .dashed { stroke-dasharray: 7 5; }
@media (max-width: 38rem) { .chart svg { font-size: 20px; } .chart .curve { stroke-width: 3; } }
.legend { list-style: none; padding: 0; margin: .5rem 0; display: flex; flex-wrap: wrap;
  gap: .25rem 1.25rem; font-size: .875rem; }
.legend li { margin: 0; }
.swatch { display: inline-block; width: 1.5rem; margin-right: .4rem; vertical-align: middle;
  border-top: 2px solid var(--colour); }
.swatch.dashed { border-top-style: dashed; }
ol { padding-left: 1.5rem; } ol > li { margin: .75rem 0; } li p { margin: .25rem 0; }
.before { border-left: 3px solid #c0392b; background: #c0392b1a; }
.after { border-left: 3px solid #27864a; background: #27864a1a; }
.refused { opacity: .75; } .refused .after { border-color: #888; background: none; }
.badge { font-size: .75rem; padding: .1rem .5rem; border-radius: 1rem; background: var(--soft);
  border: 1px solid var(--line); }
.exact { background: #27864a33; } .relaxed { background: #2f6fbf33; }
.approximate, .constants { background: #d9822b33; }
`;
