/** The hyperparameters of a graph that was read: what each of its inputs is given at a step. */
import { ANY_NUMBER, isWithin, requireWithin, sayDomain } from "../../dsl/domain.ts";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { suggestedName } from "../../dsl/other_names.ts";
import type { Program } from "../../dsl/program.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { HyperNumbers } from "../../runtime/trees/hyperparameters.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import type { State } from "../../runtime/trees/state.ts";

/** A part of a hyperparameter; the whole where it is no tree. */
export class Part {
  /** Its name without `hyper/` where it is an input; undefined where the graph holds it. */
  readonly input: string | undefined;
  /** What it is where nothing else is written; null for an opaque schedule that was not given. */
  readonly value: number | Schedule | null;
  /** What the graph holds, as text. */
  readonly text: string;

  constructor(input: string | undefined, value: number | Schedule | null, text: string) {
    [this.input, this.value, this.text] = [input, value, text];
  }
}

/** A hyperparameter: a part, or a tree of them as it was given. */
export type Parts = Part | { readonly [key: string]: Parts } | readonly Parts[];

/** Every part of a hyperparameter. */
export function partsOf(parts: Parts): Part[] {
  return parts instanceof Part ? [parts] : Object.values(parts).flatMap(partsOf);
}

/** `parts` with other values. */
export function mapParts<T>(parts: Parts, change: (part: Part) => T): Mapped<T> {
  if (parts instanceof Part) return change(parts);
  if (Array.isArray(parts)) return parts.map((part) => mapParts(part, change));
  return Object.fromEntries(
    Object.entries(parts).map(([key, part]) => [key, mapParts(part, change)]),
  );
}

type Mapped<T> = T | { [key: string]: Mapped<T> } | Mapped<T>[];

/** `hyper` with the values that were given when loading; `domains` are those of its names. */
export function withGiven(
  hyper: ReadonlyMap<string, Parts>,
  domains: Program["domains"],
  given: Readonly<Record<string, number | Schedule>>,
  doing: string,
): Map<string, Parts> {
  const inputs = new Map(
    [...hyper].flatMap(([name, parts]) =>
      partsOf(parts).flatMap(({ input }) =>
        input === undefined ? [] : [[input, domains.get(name) ?? ANY_NUMBER] as const]
      )
    ),
  );
  for (const [name, value] of Object.entries(given)) {
    const domain = inputs.get(name);
    if (domain === undefined) {
      throw new GradusError(
        `${doing}: ${quoted(name)} is no hyperparameter input of the graph` +
          suggestedName(name, inputs.keys()),
      );
    }
    if (typeof value === "number" && !Number.isNaN(value)) {
      requireWithin(domain, value, name, doing);
    } else if (typeof value !== "function") {
      throw new GradusError(
        `${doing}: hyperparameter ${quoted(name)} must be ${
          sayDomain(domain)
        } or a schedule: given ${shown(value)}`,
      );
    }
  }
  const change = (part: Part): Part => {
    const { input } = part;
    if (input === undefined || !Object.hasOwn(given, input)) return part;
    return new Part(input, given[input], part.text);
  };
  return new Map([...hyper].map(([name, parts]) => [name, mapParts(parts, change)]));
}

/** The numbers of a hyperparameter at `count`. */
export function numbersOf(parts: Parts, count: number): HyperNumbers {
  return mapParts(
    parts,
    ({ value }) => typeof value === "function" ? value(count) : value as number,
  );
}

/** What a step is given. */
export interface StepInputs {
  /** The number of each input. */
  readonly numbers: ReadonlyMap<string, number>;
  /** What was not written but follows from what was exported or given. */
  readonly used: Record<string, HyperNumbers>;
}

/**
 * What the inputs are given: what is `written` in the state, else what they were at the count that
 * `clockOf` their name tells.
 */
export function inputsAt(
  hyper: ReadonlyMap<string, Parts>,
  domains: Program["domains"],
  layout: Layout,
  written: Readonly<State["hyper"]>,
  clockOf: (name: string) => number,
  doing: string,
): StepInputs {
  const numbers = new Map<string, number>();
  const used: Record<string, HyperNumbers> = {};
  for (const [name, parts] of hyper) {
    const isWritten = Object.hasOwn(written, name);
    const count = clockOf(name);
    const domain = domains.get(name) ?? ANY_NUMBER;
    const value = isWritten ? written[name]! : numbersOf(parts, count);
    if (!isWritten) used[name] = value;
    const what = `hyperparameter \`${name}\``;
    const given = perLeaf(value, layout, what, doing);
    const isPart = (node: unknown) => node instanceof Part;
    layout.prefix(parts, what, doing, isPart).forEach(({ value: part }, i) => {
      const number = given[i];
      if (typeof number !== "number" || !isWithin(domain, number)) {
        throw new GradusError(
          `${doing}: ${what} must be ${
            sayDomain(domain)
          }, in the state's \`hyper\` or given when loading: ` +
            `given ${shown(number)} at count ${count}`,
        );
      }
      const { input } = part as Part;
      if (input === undefined) {
        if (isWritten) requireHeld(part as Part, number, name, doing);
        return;
      }
      if (!Object.is(numbers.get(input) ?? number, number)) {
        throw new GradusError(
          `${doing}: ${what} is one input of the graph, \`hyper/${input}\`, and must be one number: ` +
            `given ${numbers.get(input)} and ${number}`,
        );
      }
      numbers.set(input, number);
    });
  }
  return { numbers, used };
}

function perLeaf(
  value: HyperNumbers,
  layout: Layout,
  what: string,
  doing: string,
): readonly unknown[] {
  if (typeof value !== "object" || value === null) return layout.leaves.map(() => value);
  const isNumber = (node: unknown) => typeof node === "number" || node === null;
  return layout.prefix(value, what, doing, isNumber).map((leaf) => leaf.value);
}

/** Refuses a number in the state that the graph would not heed. */
function requireHeld({ value, text }: Part, number: number, name: string, doing: string): void {
  if (Object.is(number, value)) return;
  throw new GradusError(
    `${doing}: hyperparameter \`${name}\` is ${text} in the graph, and is ${number} in the state: ` +
      `export it with \`inputs: ["${name}"]\` to change it`,
  );
}
