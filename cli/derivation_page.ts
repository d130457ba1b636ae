/** A derivation as a page of its own. */
import {
  type Derivation,
  type DerivationStage,
  type DerivationStep,
  writeEffect,
} from "../search/derive/derive.ts";
import { escaped, page } from "../search/page/html.ts";
import { asPython } from "../search/page/python.ts";
import { type Typesetter, typesetter } from "../search/page/typesetter.ts";

/** What each kind of step promises. */
const PROMISES: Readonly<Record<DerivationStep["kind"], string>> = {
  exact: "the same bits for every input",
  relaxed: "true of real numbers",
  approximate: "measured, not proven",
  named: "names and scale only",
  constants: "other constants, measured",
};

/** The page as HTML; it needs nothing from elsewhere. */
export async function derivationPage(
  { raw, program, stages, known }: Omit<Derivation, "toString">,
): Promise<string> {
  const typeset = await typesetter();
  const title = known === undefined
    ? `From ${raw.name} to ${program.statements.length} statements`
    : stages.length === 0
    ? `${raw.name} is ${known.name}`
    : `From ${raw.name} to ${known.name}`;
  const kinds = new Set(stages.flatMap(({ steps }) => steps.map(({ kind }) => kind)));
  const legend = [...kinds].map((kind) => `<li>${badge(kind)} ${PROMISES[kind]}</li>`).join("\n");
  return page(
    title,
    `<p>${escaped(raw.doc)}</p>
<p class="note">${escaped(raw.source)}</p>
<ul class="legend">
${legend}
</ul>
<section>
<h2>${stages.length === 0 ? "As it is known" : "As it was found"}</h2>
${typeset.equations(raw)}
${typeset.hyper(raw)}
</section>
${stages.map((each) => stage(each, typeset)).join("\n")}
<section>
<h2>In Python</h2>
${asPython(program)}
</section>`,
  );
}

function stage(
  { title, steps, program, effect }: DerivationStage,
  { equations, hyper }: Typesetter,
): string {
  const total = effect === undefined
    ? ""
    : `<p class="note">All of these, ${escaped(writeEffect(effect))}.</p>`;
  return `<section>
<h2>${escaped(title)}</h2>
<ol>
${steps.map(step).join("\n")}
</ol>
${total}
${equations(program)}
${hyper(program)}
</section>`;
}

function step({ rule, kind, before, after, effect, isMade }: DerivationStep): string {
  const gone = before === "" ? "" : `<pre class="before">${escaped(before)}</pre>`;
  const come = after === "" ? "" : `<pre class="after">${escaped(after)}</pre>`;
  const measured = effect === undefined
    ? ""
    : `<p class="note">${escaped(writeEffect(effect))}</p>`;
  return `<li${isMade ? "" : ' class="refused"'}>
<p>${badge(kind)} ${isMade ? "" : "<strong>refused:</strong> "}${escaped(rule)}</p>
${gone}${come}${measured}
</li>`;
}

function badge(kind: string): string {
  return `<span class="badge ${kind}">${kind}</span>`;
}
