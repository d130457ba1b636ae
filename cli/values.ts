/** What the options of the command mean. */
import { factory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import type { Program } from "../dsl/program.ts";
import { schedule } from "../dsl/schedules/mod.ts";

/** A mistake in the command itself. */
export class UsageError extends Error {}

/** What stopped at a wish: it says how to go on. */
export class Stopped extends Error {}

/** The options that were given, by name. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The optimizer of a program; a required hyperparameter without a value is left open. */
export function bound(program: Program, options: Options): Optimizer {
  const given: Record<string, HyperValue | boolean> = {};
  for (const [name, value] of program.hyper) if (value === "required") given[name] = () => NaN;
  for (const setting of options.set as readonly string[] ?? []) {
    const { name, value } = settingOf(setting);
    Object.defineProperty(given, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return factory(program)(given);
}

/** `NAME=VALUE` as it is given by `--set`. */
export function settingOf(setting: string): { name: string; value: HyperValue | boolean } {
  const [, name, value] = /^\s*([^=\s]+)\s*=\s*(\S.*)$/s.exec(setting) ?? [];
  if (name === undefined) throw new UsageError(`--set takes NAME=VALUE: given ${setting}`);
  return { name, value: valueOf(value.trim()) };
}

/** A whole number that an option gives, or what it is by default. */
export function wholeNumber(
  options: Options,
  name: string,
  fallback: number,
  least: number = 1,
): number {
  const value = Number(options[name] ?? fallback);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} on: given ${options[name]}`);
}

function valueOf(text: string): HyperValue | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return Number.isNaN(number) && text !== "nan" ? schedule(text) : number;
}

/** `w:784x64,deep/k:3` as a tree of shapes. */
export function shapesOf(text: string): object {
  const root: Record<string, unknown> = {};
  for (const part of text.split(",")) {
    const [, path, shape] = /^([^:]+):([0-9]+(?:x[0-9]+)*)?$/.exec(part.trim()) ?? [];
    if (path === undefined) {
      throw new UsageError(`--params takes PATH:SHAPE,…, such as w:784x64: given ${part}`);
    }
    let branch = root;
    const keys = path.split("/");
    for (const key of keys.slice(0, -1)) {
      const below = Object.hasOwn(branch, key) ? branch[key] : {};
      if (Array.isArray(below)) throw new UsageError(`--params: \`${key}\` has a shape already`);
      Object.defineProperty(branch, key, { value: below, enumerable: true, configurable: true });
      branch = below as Record<string, unknown>;
    }
    const last = keys[keys.length - 1];
    if (Object.hasOwn(branch, last)) throw new UsageError(`--params names \`${path}\` twice`);
    const sizes = shape === undefined ? [] : shape.split("x").map(Number);
    Object.defineProperty(branch, last, { value: sizes, enumerable: true, configurable: true });
  }
  return root;
}
