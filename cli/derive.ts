/** `gradus derive`: how a found program becomes an optimizer that reads well, as text or as a page. */
import { printProgram } from "../dsl/print.ts";
import type { Program } from "../dsl/program.ts";
import { compareForms } from "../dsl/rewrite/compare.ts";
import { derive as derivationOf } from "../search/derive/mod.ts";
import { type Command, ONE_OPTIMIZER } from "./command.ts";
import { derivationPage } from "./derivation_page.ts";
import { BUILT_IN, checkWritable, programOf, writeWhole } from "./files.ts";
import { wrapped } from "./text.ts";
import { UsageError } from "./values.ts";

/** The command. */
export const derive: Command = {
  usage: ["NAME|FILE [-o FILE.html]"],
  summary:
    "Derives an optimizer that reads well from a found program: each line by a named rule, " +
    "or a change whose effect was measured; as text, and as a page with equations. A known " +
    "optimizer is named and not derived again.",
  options: { output: { short: "o", value: "FILE.html", text: "a page to write as well" } },
  takes: () => ONE_OPTIMIZER,
  run: async ([target], { output }, print) => {
    const path = output as string | undefined;
    if (path !== undefined && !/\.html?$/.test(path)) {
      throw new UsageError(`\`derive\` writes a page, such as -o derivation.html: given ${path}`);
    }
    if (path !== undefined) await checkWritable(path);
    const raw = await programOf(target);
    const same = knownAs(raw);
    const derivation = same === undefined
      ? derivationOf(raw, { known: [...BUILT_IN.values()].map(({ program }) => program) })
      : { raw, program: same, stages: [], known: same };
    print(same === undefined ? String(derivation) : namedText(target, raw, same));
    if (path === undefined) return;
    await writeWhole(path, new TextEncoder().encode(await derivationPage(derivation)));
    print(`\n${path}: the same as a page`);
  },
};

/** The built-in optimizer that a program is already, up to the order of its statements. */
function knownAs(raw: Program): Program | undefined {
  const programs = [...BUILT_IN.values()].map(({ program }) => program);
  if (programs.includes(raw)) return raw;
  return programs.find((program) => {
    const hasSame = [...program.hyper].every(([name, value]) => raw.hyper.get(name) === value);
    if (!hasSame || program.hyper.size !== raw.hyper.size) return false;
    const same = compareForms(raw, program);
    const isNamed = [...same?.names ?? []].every(([theirs, mine]) => theirs === mine);
    return same?.under === "exact" && isNamed;
  });
}

function namedText(
  target: string,
  raw: Program,
  { name, doc, source, ...program }: Program,
): string {
  const is = raw.name === target && raw.name === name
    ? `${name} is a built-in optimizer. There is nothing to derive.`
    : `${target} is ${name}, a built-in optimizer. There is nothing to derive.`;
  const step = printProgram({ ...program, name, doc, source }).step;
  return [is, wrapped(doc), wrapped(source), `    ${step.replaceAll("\n", "\n    ")}`].join("\n\n");
}
