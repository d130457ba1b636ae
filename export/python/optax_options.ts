/** The options of Optax's function: hyperparameters and masks, and what each leaf is told of them. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { type Node, symbolsIn } from "../../dsl/node.ts";
import { type Described, isRules, isSchedule } from "./described.ts";
import { pythonNumber, pythonText } from "./names.ts";
import type { Rules } from "./rules.ts";

/** An option of the function. */
export interface Option {
  readonly name: string;
  /** What the values of a leaf call it. */
  readonly key: string;
  /** Its default, or nothing where it is required. */
  readonly fallback?: string;
  /** What stands for it while it is `None`. */
  readonly own?: string;
  /** What readers are told of it. */
  readonly note?: string;
}

/** A schedule that holds while its option is `None`. */
export interface Follower {
  readonly key: string;
  /** The state over the tree whose number it sees. Default: the count of steps. */
  readonly clock?: string;
}

/** What stands around the functions of a program. */
export interface Frame {
  readonly described: Described;
  readonly name: string;
  readonly numbers: readonly Option[];
  /** Masks: a `decay` is what is 0 where one is false; of others the program's forms see to it. */
  readonly masks: readonly (Option & { readonly decay?: string })[];
  readonly schedules: readonly Follower[];
}

/** Hyperparameters that Optax's users limit by `mask`. */
const DECAYS: readonly string[] = ["weightDecayRate", "weightDecay"];

/** What stands around the functions of a program that is called `name`. */
export function frameOf(described: Described, name: string): Frame {
  const { names, hypers, treeStates } = described;
  const numbers = hypers.map(({ name, value, isRequired }): Option => {
    const key = names.of(name);
    if (isRequired) return { key, name: key };
    if (typeof value === "number") return { key, name: key, fallback: pythonNumber(value) };
    const what = isRules(value) ? "the tree below" : "its schedule";
    return {
      ...{ key, name: key, fallback: "None", note: `\`${key}\` is ${what} while None.` },
      ...isRules(value) ? { own: treeText(value.given) } : {},
    };
  });
  return {
    ...{ described, name },
    // Python has what is required first.
    numbers: numbers.toSorted((a, b) => Number("fallback" in a) - Number("fallback" in b)),
    masks: masksOf(described),
    schedules: hypers.flatMap(({ name, value }) => {
      if (!isSchedule(value)) return [];
      const clock = [...symbolsIn([value])].find((each) => treeStates.includes(each));
      return [{
        key: names.of(name),
        ...clock === undefined ? {} : { clock: names.of(clock) },
      }];
    }),
  };
}

function masksOf({ names, hypers, masks, doing }: Described): Frame["masks"] {
  const isOfDecay = (key: string) => DECAYS.some((name) => key === `${name} mask`);
  const mask = names.fresh("mask");
  const given = [...masks].map(([key, rules]) => {
    const seen = rules.entries.find(([, value]) => typeof value !== "boolean");
    if (seen !== undefined) {
      throw new GradusError(
        `${doing}: \`${key}\` must be true or false of a parameter, since a leaf of Optax's is never seen ` +
          `as several matrices: given ${shown(seen[1])}`,
      );
    }
    const name = isOfDecay(key) ? mask : names.of(key);
    const what = rules.isPattern ? "are the rules" : "is the tree";
    const note =
      `\`${name}\` ${what} below while None; a tree of truth values, or a function of the ` +
      "parameters that gives one.";
    return { key: names.of(key), name, fallback: "None", own: maskText(rules), note };
  });
  const decay = hypers.find(({ name }) => DECAYS.includes(name));
  if (decay === undefined || given.some(({ name }) => name === mask)) return given;
  const note =
    `\`${mask}\`: which parameters decay, a tree of truth values, or a function of the parameters that gives ` +
    "one; all while None.";
  return [...given, { key: mask, name: mask, fallback: "None", decay: names.of(decay.name), note }];
}

/** Python of a tree of numbers or truth values. */
export function treeText(given: unknown): string {
  if (typeof given === "boolean") return given ? "True" : "False";
  if (typeof given === "number") return pythonNumber(given);
  if (Array.isArray(given)) return `[${given.map(treeText).join(", ")}]`;
  const entries = Object.entries(given as object);
  return `{${entries.map(([key, each]) => `${pythonText(key)}: ${treeText(each)}`).join(", ")}}`;
}

function maskText({ isPattern, entries, given }: Rules): string {
  if (!isPattern) return treeText(given);
  const rules = entries.map(([name, value]) => `(${pythonText(name)}, ${treeText(value)})`);
  return `lambda params: _matching([${rules.join(", ")}], params)`;
}

/** Python of a dictionary with these keys. */
export const dictText = (entries: readonly (readonly [key: string, text: string])[]): string =>
  `{${entries.map(([key, text]) => `"${key}": ${text}`).join(", ")}}`;

/** Python of lines at a depth of so many levels. */
export const indented = (depth: number, lines: readonly string[]): string =>
  lines.map((line) => `${"    ".repeat(depth)}${line}\n`).join("");

/** Python of the options in a `def`. */
export const signature = (options: readonly Option[]): string[] =>
  options.map(({ name, fallback }) => fallback === undefined ? name : `${name}=${fallback}`);

/** Python that makes of the options what leaves are told of them. */
export function optionLines(numbers: Frame["numbers"], masks: Frame["masks"]): string[] {
  return [
    ...[...numbers, ...masks].flatMap(({ name, own }) =>
      own === undefined ? [] : [`if ${name} is None:`, `    ${name} = ${own}`]
    ),
    `options = ${dictText(numbers.map(({ key, name }) => [key, name]))}`,
    `masks = ${dictText(masks.map(({ key, name }) => [key, name]))}`,
  ];
}

/** Python of a docstring's notes on options. */
export function noteText(options: readonly Option[]): string {
  const notes = options.flatMap(({ note }) => note === undefined ? [] : [note]);
  return notes.length === 0 ? "" : `\n\n    ${notes.join("\n    ")}\n    `;
}

/** Python that follows schedules, by the clocks of so many steps ago, and heeds masks. */
export function heedLines(
  schedules: readonly Follower[],
  masks: Frame["masks"],
  ago: 0 | 1,
): string[] {
  const each = [
    ...schedules.flatMap(({ key, clock }) => [
      `    if bucket["${key}"] is None:`,
      ...ago === 0 || clock === undefined ? [`        _schedule_${key}(bucket)`] : [
        `        before = {**bucket, "${clock}": jnp.maximum(bucket["${clock}"] - 1, 0)}`,
        `        _schedule_${key}(before)`,
        `        bucket["${key}"] = before["${key}"]`,
      ],
    ]),
    ...masks.flatMap(({ key, decay }) =>
      decay === undefined
        ? []
        : [`    if not bucket["${key}"]:`, `        bucket["${decay}"] = 0.0`]
    ),
  ];
  return each.length === 0 ? [] : ["for bucket in buckets:", ...each];
}

/** The symbols that schedules are made of. */
export function clocksIn({ hypers }: Described): ReadonlySet<string> {
  return symbolsIn(hypers.flatMap(({ value }): Node[] => isSchedule(value) ? [value] : []));
}
