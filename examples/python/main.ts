/**
 * Writes Lion and a program found by a search as torch's, and trains a small transformer with both and with
 * torch's AdamW: `deno run -A examples/python/main.ts`. Draws the curves and writes the table of the README beside.
 */
import { chain, factory, lion, type Optimizer, scale } from "../../mod.ts";
import { parseYaml } from "../../dsl/yaml.ts";
import { toPython } from "../../export/python/mod.ts";
import { renderCurves } from "../curves.ts";

/** How long is trained, and how often each optimizer is tried. */
export interface Plan {
  readonly steps: number;
  /** Steps from one look at the loss to the next. */
  readonly every: number;
  /** How many rates of each optimizer are tried, on a seed of their own. */
  readonly rates: number;
  readonly seeds: readonly number[];
}

/** What came of one optimizer. */
export interface Trained {
  readonly name: string;
  readonly best: number;
  readonly tried: readonly { readonly rate: number; readonly curve: Curve }[];
  /** By seed. */
  readonly runs: readonly Curve[];
}

type Curve = readonly (readonly [step: number, loss: number])[];

const HERE = new URL("./", import.meta.url);
const PLAN: Plan = { steps: 300, every: 20, rates: 6, seeds: [1, 2, 3] };

/** The found program, with a factor before its step: its own rate does nothing. */
export async function found(): Promise<Optimizer> {
  const program = parseYaml(await Deno.readTextFile(new URL("found.yaml", HERE)));
  return chain(factory(program)({ learningRate: 1 }), scale({ stepSize: 1 }));
}

/** Writes the generated files into a folder, and trains there. */
export async function trained(python: string, folder: string, plan: Plan): Promise<Trained[]> {
  const files = {
    lion: toPython(lion({ learningRate: 1e-3 }), { to: "torch", name: "Lion" }),
    found: toPython(await found(), { to: "torch", name: "Found" }),
  };
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}.py`, text);
  }
  const pages = ["../../README.md", "../../docs/language.md", "../../docs/training.md"];
  const texts = await Promise.all(pages.map((each) => Deno.readTextFile(new URL(each, HERE))));
  // Equally many, each three times the one before.
  const rates = (first: number) =>
    Array.from(
      { length: plan.rates },
      (_, k) => Number((first * Math.sqrt(10) ** k).toPrecision(2)),
    );
  const optimizers = [
    { name: "AdamW", module: "torch.optim", class: "AdamW", rate: "lr", rates: rates(3e-4) },
    { name: "Lion", module: "lion", class: "Lion", rate: "lr", rates: rates(1e-4) },
    { name: "found", module: "found", class: "Found", rate: "step_size", rates: rates(0.1) },
  ];
  const path = `${folder}/plan.json`;
  const text = texts.join("\n");
  await Deno.writeTextFile(path, JSON.stringify({ ...plan, folder, text, optimizers }));
  return JSON.parse(await run(python, [new URL("train.py", HERE).pathname, path]));
}

async function run(python: string, args: string[]): Promise<string> {
  const command = new Deno.Command(python, { args, stderr: "inherit" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${python} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

const lastOf = (curve: Curve) => curve.at(-1)![1];
const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** The results as a table in Markdown. */
export function tableOf(results: readonly Trained[]): string {
  const rows = results.map(({ name, best, tried, runs }) => {
    const losses = runs.map(lastOf);
    const others = tried.map(({ rate, curve }) => `${rate}: ${lastOf(curve).toFixed(3)}`).join(
      ", ",
    );
    const span = `${Math.min(...losses).toFixed(3)} to ${Math.max(...losses).toFixed(3)}`;
    return `| ${name} | ${mean(losses).toFixed(3)} | ${span} | ${best} | ${others} |`;
  });
  return `| optimizer | loss | by seed | rate | rates that were tried |
| --- | --- | --- | --- | --- |
${rows.join("\n")}\n`;
}

/** The mean curves as SVG. */
export function pictureOf(results: readonly Trained[], { steps, seeds }: Plan): Promise<string> {
  return renderCurves({
    title: "A small transformer on characters",
    subtitle: `Loss on held-back text, mean of ${seeds.length} seeds, ${steps} steps`,
    xTitle: "step",
    panels: [{
      yTitle: "loss",
      series: results.map(({ name, best, runs }) => ({
        name: `${name}, ${best}`,
        points: runs[0].map(([x], k) => ({ x, y: mean(runs.map((run) => run[k][1])) })),
      })),
    }],
  });
}

if (import.meta.main) {
  const python = Deno.env.get("GRADUS_PYTHON") ?? "python3";
  const results = await trained(python, new URL("../../out/python", HERE).pathname, PLAN);
  const table = tableOf(results);
  const page = new URL("README.md", HERE);
  const text = await Deno.readTextFile(page);
  await Deno.writeTextFile(page, text.replace(/(?:^\|.*\n)+/m, table));
  await Deno.writeTextFile(new URL("curves.svg", HERE), await pictureOf(results, PLAN));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", page.pathname] }).output();
  console.log(table);
}
