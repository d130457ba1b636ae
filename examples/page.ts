import temml from "temml";
import { latex, type Program } from "@gradus/gradus";

/** What stands on the page of the demo. */
export type PageOptions = {
  title: string;
  program: Program;
  /** The curves as SVG. */
  svg: string;
  /** What to read from the curves. */
  reading: string;
  head: string[];
  rows: string[][];
};

/** One page of HTML that needs nothing from elsewhere: equations, curves and a table. */
export function renderPage({ title, program, svg, reading, head, rows }: PageOptions): string {
  const equations = temml.renderToString(`\\begin{align*}\n${latex(program)}\n\\end{align*}`, {
    displayMode: true,
  });
  const cells = (tag: string, row: string[]) =>
    row.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 2rem 1rem; }
.wide { overflow-x: auto; }
math { width: max-content; font-size: 1.1em;
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre", math; }
.tml-right { text-align: right; } .tml-left { text-align: left; }
figure { margin: 1.5rem 0; background: white; border-radius: .5rem; }
svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .3rem 0 .3rem .45rem; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td:not(:first-child) { white-space: nowrap; }
</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<figure>${svg}</figure>
<p>${escaped(reading)}</p>
<div class="wide"><table>
<thead><tr>${cells("th", head)}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n")}
</tbody>
</table></div>
<h2>The program of ${escaped(program.name)}</h2>
<p>${escaped(program.doc)} ${escaped(program.source)}</p>
<div class="wide">${equations}</div>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
