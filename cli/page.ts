/** A derivation as a page of its own, with equations that browsers typeset themselves. */
import temml from "temml";
import {
  type Derivation,
  type DerivationStage,
  type DerivationStep,
  writeEffect,
} from "../derive/derive.ts";
import { latex } from "../dsl/latex.ts";
import type { Program } from "../dsl/program.ts";

/** What each kind of step promises. */
const PROMISES: Readonly<Record<DerivationStep["kind"], string>> = {
  exact: "the same bits for every input",
  relaxed: "true of real numbers",
  approximate: "measured, not proven",
  named: "names and scale only",
  constants: "other constants, measured",
};

/** The page as HTML; it needs nothing from elsewhere. */
export function derivationPage({ raw, program, stages, known }: Derivation): string {
  const title = known === undefined
    ? `From ${raw.name} to ${program.statements.length} statements`
    : `From ${raw.name} to ${known.name}`;
  const kinds = new Set(stages.flatMap(({ steps }) => steps.map(({ kind }) => kind)));
  const legend = [...kinds].map((kind) => `<li>${badge(kind)} ${PROMISES[kind]}</li>`).join("\n");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
<p>${escape(raw.doc)}</p>
<p class="source">${escape(raw.source)}</p>
<ul class="legend">
${legend}
</ul>
<section>
<h2>As it was found</h2>
${equations(raw)}
</section>
${stages.map(stage).join("\n")}
</main>
</body>
</html>
`;
}

function stage({ title, steps, program, effect }: DerivationStage): string {
  const total = effect === undefined
    ? ""
    : `<p class="effect">All of these, ${escape(writeEffect(effect))}.</p>`;
  return `<section>
<h2>${escape(title)}</h2>
<ol>
${steps.map(step).join("\n")}
</ol>
${total}
${equations(program)}
</section>`;
}

function step({ rule, kind, before, after, effect, isMade }: DerivationStep): string {
  const gone = before === "" ? "" : `<pre class="before">${escape(before)}</pre>`;
  const come = after === "" ? "" : `<pre class="after">${escape(after)}</pre>`;
  const measured = effect === undefined
    ? ""
    : `<p class="effect">${escape(writeEffect(effect))}</p>`;
  return `<li${isMade ? "" : ' class="refused"'}>
<p>${badge(kind)} ${isMade ? "" : "<strong>refused:</strong> "}${escape(rule)}</p>
<div class="lines">${gone}${come}</div>${measured}
</li>`;
}

function badge(kind: string): string {
  return `<span class="badge ${kind}">${kind}</span>`;
}

function equations(program: Program): string {
  const hyper = [...program.hyper].filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `<code>${escape(name)}</code> = ${value}`).join(", ");
  const math = temml.renderToString(`\\begin{align*}\n${latex(program)}\n\\end{align*}`, {
    displayMode: true,
    throwOnError: true,
  });
  return `<div class="equations">${math}</div>${
    hyper === "" ? "" : `<p class="hyper">${hyper}</p>`
  }`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.source, .hyper, .effect { font-size: .875rem; opacity: .8; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.legend li { margin: 0; }
.equations { overflow-x: auto; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--soft); }
math { font-size: 1.1em;
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Libertinus Math",
    "DejaVu Math TeX Gyre", math; }
.equations math { width: max-content; margin: 0; }
.equations mtd { padding-top: .2em; padding-bottom: .2em; }
.tml-right { text-align: right; } .tml-left { text-align: left; }
ol { padding-left: 1.5rem; } ol > li { margin: .75rem 0; } li p { margin: .25rem 0; }
pre { margin: 0; padding: .2rem .6rem; overflow-x: auto; font-size: .875rem; border-left: 3px solid; }
.before { border-color: #c0392b; background: #c0392b1a; }
.after { border-color: #27864a; background: #27864a1a; }
.refused { opacity: .75; } .refused .after { border-color: #888; background: none; }
.badge { font-size: .75rem; padding: .1rem .5rem; border-radius: 1rem; background: var(--soft);
  border: 1px solid var(--line); }
.exact { background: #27864a33; } .relaxed { background: #2f6fbf33; }
.approximate, .constants { background: #d9822b33; }
`;
