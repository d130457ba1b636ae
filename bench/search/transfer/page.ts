/** The report of transfer, as Markdown and as a page: first whether tiers agree, then who is ahead where. */
import { printStatements } from "../../../dsl/print.ts";
import { parseGenome, programOf, rankCorrelation, space } from "../../../search/mod.ts";
import { escaped, page, table } from "../../../search/page/html.ts";
import { intervalOf } from "../../../search/page/interval.ts";
import { typesetter } from "../../../search/page/typesetter.ts";
import { writeResult } from "../../record.ts";
import { interval } from "../interval.ts";
import { type Ended, knownAs, type Sampled, type SeedRun, SPACE } from "./run.ts";

/** What the report is of. */
export interface Transfer {
  readonly trained: number;
  readonly sampled: readonly Sampled[];
  readonly runs: readonly SeedRun[];
}

/** The tiers of {@linkcode Ended}, in the order of what they cost. */
const TIERS = {
  "the search's tasks": ({ score }: Ended) => score,
  "10 times larger": ({ larger }: Ended) => larger[0],
  "100 times larger": ({ larger }: Ended) => larger[1],
  context: ({ heldOut }: Ended) => heldOut.context,
  digits: ({ heldOut }: Ended) => heldOut.digits,
  charlm: ({ heldOut }: Ended) => heldOut.charlm,
} as const;
/** Those that no search sees. */
const FAMILIES = ["context", "digits", "charlm"] as const;
type Tier = keyof typeof TIERS;

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Writes the report to the results, and tells where. */
export async function write(given: Transfer): Promise<void> {
  const { runs, trained } = given;
  const title = "Whether what is found on cheap tasks holds on dear ones";
  const how =
    `${runs.length} seeds; each a search that trained ${trained} programs, and searches of the ` +
    `constants of AdamW, Lion, signum and NAdam with ${
      4 * trained
    } trainings each. Every training is ` +
    "of 3 learning rates, of which the best counts, to the end of a schedule that falls to 0. Of each, the " +
    "best 8 went to tasks 10 times larger, and the best there was trained on all else. Scores are " +
    "ln(first loss / last loss), more is better; means and 95 % intervals over seeds.";
  const [first, tiers, differences] = [correlations(given), scores(runs), paired(runs)];
  const best = bestOf(runs);
  const program = programOf(space(SPACE), parseGenome(space(SPACE), best.genome));
  const name = knownAs(best.genome);
  const known = name === undefined
    ? "It is equivalent to no optimizer of the library, as far as forms and probes tell."
    : `It is known: ${name}.`;
  const command = `deno task bench:search transfer ${runs.length} ${trained}`;
  const json = await writeResult("transfer", "json", `${JSON.stringify(given, undefined, 2)}\n`);
  const markdown = await writeResult(
    "transfer",
    "md",
    `# ${title}

\`${command}\`

## Rank correlation from tier to tier

${markdownOf(first)}

${sampleText(given)}

## Who is ahead

${how}

${verdict(runs)}

${markdownOf(tiers)}

What the search found, less each other, seed by seed:

${markdownOf(differences)}

## The best that was found

${best.text}. ${known}

\`\`\`
${printStatements(program.statements)}
\`\`\`
`,
  );
  const typeset = await typesetter();
  const html = await writeResult(
    "transfer",
    "html",
    page(
      title,
      `<h2>Rank correlation from tier to tier</h2>
${table(first.head, first.rows)}
<p class="note">${escaped(sampleText(given))}</p>
<h2>Who is ahead</h2>
<p><strong>${escaped(verdict(runs))}</strong></p>
${table(tiers.head, tiers.rows)}
<p>${escaped(how)}</p>
<p>What the search found, less each other, seed by seed:</p>
${table(differences.head, differences.rows)}
<h2>The best that was found</h2>
<p>${escaped(best.text)}. ${escaped(known)}</p>
${typeset.program(program, { digits: 4 })}
<p class="note">Made by <code>${escaped(command)}</code>.</p>`,
    ),
  );
  for (const path of [json, markdown, html]) console.log(path);
}

/**
 * Whether the order of one tier is that of another: of programs of every quality, of the good ones, since it is
 * easy to tell those that train at all from those that do not, and of what searches and their rivals ended with, under
 * each seed by itself.
 */
function correlations({ sampled, runs }: Transfer): Table {
  const tiers = Object.keys(sampled[0].tiers);
  const [first] = tiers;
  const best = Math.max(...sampled.map(({ tiers }) => sound(tiers[first])));
  const good = sampled.filter(({ tiers }) => sound(tiers[first]) > best / 2);
  const [, ten, hundred] = tiers;
  const pairs = [...tiers.slice(1).map((to) => [first, to]), [ten, hundred]];
  return {
    head: [
      "from",
      "to",
      ...[sampled, good].map(({ length }) =>
        length === sampled.length ? `all ${length}` : `the best ${length}`
      ),
      `the ${runs[0].ended.length} of each of ${runs.length} seeds`,
    ],
    rows: pairs.map(([from, to]) => [
      from,
      to,
      ...[sampled, good].map((those) =>
        spearman(those.map(({ tiers }) => [sound(tiers[from]), sound(tiers[to])]))
      ),
      interval(runs.map(({ ended }) => overSeeds(ended, from as Tier, to as Tier)), 2),
    ]),
  };
}

/** Whether what ended one seed is in the same order on two tiers. */
function overSeeds(ended: readonly Ended[], from: Tier, to: Tier): number {
  return rankCorrelation(ended.map((each) => [sound(TIERS[from](each)), sound(TIERS[to](each))]))
    .rho;
}

function spearman(pairs: readonly (readonly [number, number])[]): string {
  const { rho, low, high } = rankCorrelation(pairs);
  return `${rho.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** JSON has no -∞. */
const sound = (score: number | null): number => score ?? -Infinity;

function sampleText({ sampled, runs }: Transfer): string {
  const made = sampled.filter(({ name }) => name.startsWith("program")).length;
  return `Spearman's rank correlation with its 95 % interval, of ${made} programs from the best to the ` +
    `worst that random changes made and ${
      sampled.length - made
    } optimizers of the library, each trained ` +
    "on every tier; then of those whose score is above half of the best, since it is easy to tell what " +
    "trains from what does not. No search sees context, digits and charlm. All of those are of one seed. The " +
    `last column is of what is compared below, the best found and its ${
      runs[0].ended.length - 1
    } rivals, each ` +
    `under its own seed: the mean of ${runs.length} correlations with its 95 % interval. These are all good, and ` +
    "nearly as good as each other.";
}

const namesOf = (runs: readonly SeedRun[]) => runs[0].ended.map(({ name }) => name);
const valuesOf = (runs: readonly SeedRun[], name: string, tier: Tier) =>
  runs.map(({ ended }) => sound(TIERS[tier](ended.find((each) => each.name === name)!)));

function scores(runs: readonly SeedRun[]): Table {
  const tiers = Object.keys(TIERS) as Tier[];
  return {
    head: ["", ...tiers],
    rows: namesOf(runs).map((name) => [
      name === "search" ? "best found" : name,
      ...tiers.map((tier) => interval(valuesOf(runs, name, tier))),
    ]),
  };
}

/** The differences of a tier, seed by seed. */
const ahead = (runs: readonly SeedRun[], name: string, tier: Tier) => {
  const own = valuesOf(runs, "search", tier);
  return valuesOf(runs, name, tier).map((theirs, i) => own[i] - theirs);
};

function paired(runs: readonly SeedRun[]): Table {
  const tiers = Object.keys(TIERS) as Tier[];
  return {
    head: ["less", ...tiers],
    rows: namesOf(runs).slice(1).map((name) => [
      name,
      ...tiers.map((tier) => interval(ahead(runs, name, tier))),
    ]),
  };
}

/** On how many held-out families the find is ahead of each rival, and behind it, by more than chance. */
function verdict(runs: readonly SeedRun[]): string {
  const said = namesOf(runs).slice(1).map((name) => {
    const intervals = FAMILIES.map((tier) =>
      intervalOf(ahead(runs, name, tier).filter(Number.isFinite))
    );
    const better = intervals.filter(({ mean, half }) => mean - half > 0).length;
    const worse = intervals.filter(({ mean, half }) => mean + half < 0).length;
    return `${name}: ahead on ${better}, behind on ${worse}`;
  });
  return `Of the ${FAMILIES.length} families that no search sees, by more than chance, what was found ` +
    `is beside ${said.join("; ")}.`;
}

/** Of all seeds the find that does best on tasks 100 times larger: those that nobody compares by. */
function bestOf(runs: readonly SeedRun[]): Ended {
  const found = runs.map(({ ended }) => ended[0]);
  return found.reduce((a, b) => sound(b.larger[1]) > sound(a.larger[1]) ? b : a);
}

function markdownOf({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
