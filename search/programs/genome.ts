/** A genome: a program as a list of statements, one function call each, what is never used included. */
import { GradusError } from "../../dsl/errors.ts";
import type { Kind } from "./functions.ts";
import { type Space, UPDATE } from "./space.ts";

/** One statement: `target = call(args…)`, where an argument is a variable's name or a number. */
export interface GenomeStatement {
  /** The variable that it sets. */
  readonly target: string;
  /** The function, by its place in the space. */
  readonly call: number;
  /** Its arguments: names of variables, and numbers. */
  readonly args: readonly (string | number)[];
}

/**
 * A program of a space. What is never used stays in it: a statement that does nothing today may be a step to
 * what does something tomorrow.
 */
export type Genome = readonly GenomeStatement[];

/**
 * The program that a search starts from unless it is told otherwise: AdamW without bias correction, as
 * in the paper.
 *
 * @example
 * ```ts
 * import { ADAMW, parseGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseGenome(space(), ADAMW).length, 9);
 * ```
 */
export const ADAMW: string = `
g2 = square(g)
m = interp(g, m, 0.9)
v = interp(g2, v, 0.999)
sqrt_v = sqrt(v)
update = div(m, sqrt_v)
wd = mul(w, 0.01)
update = add(update, wd)
lr = mul(lr, 0.001)
update = mul(update, lr)`;

/**
 * Reads a genome from its text, a statement a line.
 *
 * @example
 * ```ts
 * import { parseGenome, printGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const text = "u1 = sign(g)\nupdate = mul(u1, 0.01)";
 * assertEquals(printGenome(space(), parseGenome(space(), text)), text);
 * ```
 *
 * @throws {GradusError} if the text is no program of the space.
 */
export function parseGenome(space: Space, text: string): Genome {
  const genome = text.split("\n").filter((line) => line.trim() !== "").map((line, number) => {
    const refuse = (message: string): never => {
      throw new GradusError(`Cannot read statement ${number + 1} of a genome: ${message}`);
    };
    const [, target, name, list] = /^\s*(\w+)\s*=\s*(\w+)\((.*)\)\s*$/.exec(line) ?? [];
    if (target === undefined) {
      return refuse(`it must be \`target = function(arguments)\`: given \`${line.slice(0, 80)}\``);
    }
    const call = space.index.get(name) ?? refuse(`there is no function \`${name}\``);
    const args = list.trim() === "" ? [] : list.split(",").map((part) => {
      const word = part.trim();
      if (/^[A-Za-z]\w*$/.test(word) && word !== "Infinity" && word !== "NaN") return word;
      const number = Number(word);
      return word === "" || Number.isNaN(number) ? refuse(`\`${word}\` is no argument`) : number;
    });
    return { target, call, args };
  });
  const mistake = mistakeIn(space, genome);
  if (mistake !== undefined) throw new GradusError(`Cannot read a genome: ${mistake}`);
  return genome;
}

/**
 * The text of a genome.
 *
 * @example
 * ```ts
 * import { ADAMW, parseGenome, printGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printGenome(space(), parseGenome(space(), ADAMW)), ADAMW.trim());
 * ```
 */
export function printGenome({ functions }: Space, genome: Genome): string {
  return genome.map(({ target, call, args }) => {
    const list = args.map((arg) => Object.is(arg, -0) ? "-0" : String(arg)).join(", ");
    return `${target} = ${functions[call].name}(${list})`;
  }).join("\n");
}

/** What is wrong with a genome, or undefined. */
export function mistakeIn(space: Space, genome: Genome): string | undefined {
  const kinds = new Map(space.kinds);
  for (const [number, { target, call, args }] of genome.entries()) {
    const where = `statement ${number + 1}`;
    const unset = args.find((arg) => typeof arg === "string" && !kinds.has(arg));
    if (unset !== undefined) return `${where} reads \`${unset}\`, which nothing has set`;
    const { name, parameters } = space.functions[call];
    if (args.length !== parameters.length) {
      return `${where}: \`${name}\` takes ${parameters.length} arguments: given ${args.length}`;
    }
    const result = resultOf(space, call, args, kinds);
    if (result === undefined) return `${where}: \`${name}\` takes arguments of other kinds`;
    if (space.frozen.has(target)) return `${where} assigns \`${target}\`, which is frozen`;
    const kind = target === UPDATE ? "tensor" : kinds.get(target);
    if (kind !== undefined && kind !== result) {
      return `${where} gives a ${result} to \`${target}\`, which is a ${kind}`;
    }
    kinds.set(target, result);
  }
  return kinds.has(UPDATE) ? undefined : `no statement sets \`${UPDATE}\``;
}

/** What a call gives, or undefined if it does not take these arguments. */
export function resultOf(
  { functions }: Space,
  call: number,
  args: readonly (string | number)[],
  kinds: ReadonlyMap<string, Kind>,
): Kind | undefined {
  let bits = 0;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (typeof arg === "string" && kinds.get(arg) === "tensor") bits |= 1 << i;
  }
  return functions[call].results[bits];
}
