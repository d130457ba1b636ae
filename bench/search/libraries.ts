/** How long it takes to build libraries of expressions, and to repair programs with them. */
import process from "node:process";
import { ADAMW, parseGenome, Random, repair } from "../../search/mod.ts";
import { PROBES } from "../../search/repair/known.ts";
import { Library } from "../../search/repair/library.ts";
import type { LibraryOptions } from "../../search/repair/options.ts";
import { recording } from "./planted.ts";
import { paper } from "./programs.ts";

/** The functions of the count that was aimed at: 16 of one argument, and 6 of two. */
const MANY = [
  ...["abs", "square", "sqrt", "cube", "sign", "exp", "expm1", "log", "log1p", "tanh", "arctan"],
  ...["sin", "cos", "sinh", "negative", "reciprocal", "add", "sub", "mul", "div", "max", "min"],
];
const FOUR = { functions: MANY, variables: 4, constants: [1, 2, 0.1, 1e-8] };
const REPAIRS = 200;

/** Seconds of a processor that something takes. */
function secondsOf(run: () => void): number {
  const began = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1e6;
}

/** Builds libraries up to a size, and prints their counts and times. */
export function libraries(size: number): void {
  console.log("| library | size | expressions | of those made | built, s | bound, ms |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const [name, options] of [["default", {}], ["16 + 6 functions", FOUR]] as const) {
    for (let each = 3; each <= size; each++) {
      const given: LibraryOptions = { ...options, size: each };
      let library!: Library;
      const built = secondsOf(() => library = new Library(paper, given));
      const variables = Array.from(
        { length: library.options.variables },
        (_, k) => Float32Array.from({ length: PROBES }, (_, i) => Math.sin(i * (k + 1))),
      );
      library.bind(variables);
      const bound = 1000 * secondsOf(() => library.bind(variables));
      const cells = [name, each, library.length, library.made, built.toFixed(2), bound.toFixed(1)];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
  const mutate = repair({ tasks: [recording("lion", [1, 2, 3, 4])] });
  const parent = parseGenome(paper, ADAMW);
  const all = (from: number) => {
    for (let i = from; i < from + REPAIRS; i++) mutate(paper, parent, new Random(1, 0, i));
  };
  all(0);
  const each = 1000 * secondsOf(() => all(REPAIRS)) / REPAIRS;
  console.log(`\nA repair of AdamW with the default library: ${each.toFixed(1)} ms.`);
}
