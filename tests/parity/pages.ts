/**
 * Writes `docs/from-optax.md` and `docs/from-torch.md` from the tables of names:
 * `deno run -A tests/parity/pages.ts`.
 */
import { camel, optionsOf, parametersOf, type Row, tableOf } from "./tables.ts";

type Library = "optax" | "torch";

/** The pages. */
export const PAGES: Readonly<Record<Library, URL>> = {
  optax: new URL("../../docs/from-optax.md", import.meta.url),
  torch: new URL("../../docs/from-torch.md", import.meta.url),
};

const INTRODUCTIONS: Readonly<Record<Library, (release: string) => string>> = {
  optax: (release) =>
    `# From Optax\n\nEvery public name of ${release}, with what it is here. A name is the same in camel case, and ` +
    `all options stand in one object: \`optax.adamw(3e-4, weight_decay=0.1)\` is ` +
    `\`adamw({ learningRate: 3e-4, weightDecay: 0.1 })\`. Optax's defaults are the defaults here.\n\n` +
    `\`opt.init(params)\` and \`opt.update(grads, state, params)\` are as there; \`opt.step(params, grads, state)\` ` +
    `does both in place, and faster. Each option takes a number, a schedule or a tree of them over the ` +
    `parameters, so nothing need be injected. What a transform measures or counts stands in \`state\` by its name.`,
  torch: (release) =>
    `# From PyTorch\n\nEvery optimizer and schedule of ${release}, with what it is here. With \`like: "torch"\` ` +
    `a factory has PyTorch's rule and defaults; without it, those of Optax. \`fromTorchConfig\` reads what stands in ` +
    `a trainer's configuration, parameter groups too:\n\n` +
    "```ts\n" +
    `import { fromTorchConfig } from "@gradus/gradus";\n\n` +
    `fromTorchConfig({\n  optimizer: "AdamW",\n  lr: 3e-4,\n  betas: [0.9, 0.95],\n` +
    `  param_groups: [{ params: ["*bias", "*norm*"], weight_decay: 0 }],\n});\n` +
    "```\n\n" +
    `\`loss.backward(); opt.step()\` is \`opt.step(params, gradients, state)\`. A schedule is the value of an option ` +
    `and sees the count of steps, so there is no scheduler to call: ` +
    `\`adamw({ learningRate: cosineDecaySchedule({ initValue: 3e-4, decaySteps: 1000 }) })\`.`,
};

const GROUPS: Readonly<Record<string, string>> = {
  optimizers: "Optimizers",
  transforms: "Transforms",
  clips: "Clips and norms",
  wrappers: "Chains, wrappers and updates",
  averages: "Averages of parameters",
  schedules: "Schedules",
  projections: "Projections",
  losses: "Losses",
  trees: "Trees",
  beside: "Beside optimizers",
  types: "Types",
};

/** A page as it is to be, laid out by the formatter. */
export async function pageOf(library: Library): Promise<string> {
  const { release, names } = tableOf(library);
  const rows = Object.entries(names).filter(([, { same }]) => same === undefined);
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    const own = rows.filter(([, row]) => row.group === group);
    if (own.length === 0) return "";
    const lines = own.filter(([, { theirs, code }]) => theirs && code);
    const others = own.filter((each) => !lines.includes(each));
    return [`## ${title}`, sideBySide(lines), tail(others)].filter((part) => part !== "").join(
      "\n\n",
    );
  });
  const [again] = Object.entries(names).filter(([, { same }]) => same !== undefined);
  const text = [
    INTRODUCTIONS[library](release),
    "A test type-checks and runs each line of code, and compares options and defaults.",
    ...sections.filter((section) => section !== ""),
    `A name that another repeats is there once, as ${code(again[0])} is ${code(again[1].same!)}.`,
  ].join("\n\n");
  return await formatted(`${text.trimEnd()}\n`);
}

function sideBySide(rows: readonly (readonly [string, Row])[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(([, row]) =>
    `| ${code(row.theirs!)} | ${code(row.code!)} | ${remarks(row)} |`
  );
  return ["| there | here | what differs |", "| --- | --- | --- |", ...lines].join("\n");
}

function tail(rows: readonly (readonly [string, Row])[]): string {
  if (rows.length === 0) return "";
  const said = new Map<string, string[]>();
  for (const [name, row] of rows) {
    const text = what(row);
    said.set(text, [...said.get(text) ?? [], code(name)]);
  }
  const lines = [...said].map(([text, names]) => `| ${names.join(", ")} | ${text} |`);
  return ["| name | here |", "| --- | --- |", ...lines].join("\n");
}

function what(row: Row): string {
  const { here, type, why } = row;
  const said = here ?? type;
  return [said === undefined ? why : code(said), remarks(row)].filter((part) => part !== "")
    .join("; ");
}

/** What of a row is not as its names say. */
function remarks(row: Row): string {
  const { entry, note, why, theirs, without = {}, differs = {}, options = {} } = row;
  const renamed = optionsOf(row).filter(([each]) =>
    Object.hasOwn(options, each) && camel(each) !== options[each]
  )
    .map(([each, ours]) => `${code(each)} is ${code(ours)}`);
  const left = Object.entries({ ...without, ...differs })
    .filter(([each]) =>
      !["params", "foreach", "fused", "capturable", "differentiable", "maximize"].includes(each)
    )
    .filter(([each]) => parametersOf(row).some(([parameter]) => parameter === each))
    .map(([each, reason]) => `${code(each)}: ${reason}`);
  return [
    ...entry === undefined ? [] : [`from ${code(entry)}`],
    ...note === undefined ? [] : [note.replace(/\.$/, "")],
    ...why === undefined || theirs === undefined ? [] : [why.replace(/\.$/, "")],
    ...renamed,
    ...left,
  ].join("; ").replaceAll("|", "\\|");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

async function formatted(text: string): Promise<string> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "100", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await process.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  for (const library of ["optax", "torch"] as const) {
    Deno.writeTextFileSync(PAGES[library], await pageOf(library));
  }
}
