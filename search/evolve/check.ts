/** The options of a search, held against what there is before anything is trained. */
import { isRecord } from "../../dsl/record.ts";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { SearchOptions } from "./options.ts";

/** A kind of value: whether something is one, and what it must be in words. */
interface Kind {
  readonly is: (value: unknown) => boolean;
  readonly must: string;
}

/** What is in an option that is an object. */
interface Part extends Kind {
  readonly isOptional?: true;
}

/** Beyond it a window only takes memory, and redraws only time. */
const [MOST_WINDOW, MOST_REDRAWS] = [100_000, 10_000];

const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0;
const isNumber = (value: unknown): value is number => typeof value === "number" && !isNaN(value);
const hasCall = (name: string) => (value: unknown): boolean =>
  typeof (value as Record<string, unknown> | null | undefined)?.[name] === "function";

const ANY: Part = { is: () => true, must: "", isOptional: true };
const NUMBER: Kind = { is: isNumber, must: "a number" };
const POSITIVE: Kind = { is: (value) => isNumber(value) && value > 0, must: "above 0" };
const TASKS: Kind = { is: isList, must: "a list of at least one task" };
const SHARE: Kind = {
  is: (value) => isNumber(value) && value > 0 && value < 1,
  must: "above 0 and below 1",
};

function whole(least: number, most = Infinity): Kind {
  return {
    is: (value) => Number.isInteger(value) && value as number >= least && value as number <= most,
    must: most < Infinity
      ? `a whole number from ${least} to ${most}`
      : least === 1
      ? "a whole number above 0"
      : `a whole number from ${least} on`,
  };
}

function oneOf(...words: readonly string[]): Kind {
  return {
    is: (value) => words.includes(value as string),
    must: words.map((word) => `"${word}"`).join(" or "),
  };
}

/** Every option, so that one that is new cannot be forgotten. */
const OPTIONS: Readonly<Record<keyof SearchOptions, Kind>> = {
  tasks: TASKS,
  space: { is: isRecord, must: "an object" },
  init: {
    is: (value) => isList(value) && value.every((text) => typeof text === "string"),
    must: "a list of the texts of programs",
  },
  strategy: oneOf("evolution", "random"),
  mutations: {
    is: (value) =>
      isRecord(value) && isList(Object.values(value)) &&
      Object.values(value).every((each) =>
        isRecord(each) && hasCall("mutate")(each) && isNumber(each.weight) && each.weight > 0 &&
        each.weight < Infinity
      ),
    must: "an object of mutations such as { tune: { weight: 1, mutate: … } }",
  },
  seed: { is: Number.isSafeInteger, must: "a whole number" },
  budget: { is: isRecord, must: "an object with `trained` or `generated`" },
  population: whole(1),
  tournament: whole(1),
  survival: oneOf("oldest", "front"),
  downsample: {
    is: (value) => isNumber(value) && value > 0 && value <= 1,
    must: "above 0 and at most 1",
  },
  redraws: whole(0, MOST_REDRAWS),
  window: whole(1, MOST_WINDOW),
  scorer: {
    is: hasCall("score"),
    must: "what scores programs, such as localScorer({ workers: 2 })",
  },
  below: NUMBER,
  hurdle: { is: isRecord, must: "an object with `share` and `quantile`" },
  tune: { is: isRecord, must: "an object with `evaluations`" },
  restart: { is: isRecord, must: "an object with `patience` and `from`" },
  lengthCost: { is: Number.isFinite, must: "a finite number" },
  hall: whole(1),
  heldOut: { is: Array.isArray, must: "a list of tasks" },
  cache: {
    is: (value) => ["get", "set", "has"].every((name) => hasCall(name)(value)),
    must: "a Map",
  },
  checkpoint: { is: isRecord, must: "an object with a `store`" },
};

/** What is in options that are objects. */
const PARTS: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  budget: {
    trained: { ...POSITIVE, isOptional: true },
    generated: { ...POSITIVE, isOptional: true },
  },
  hurdle: { share: SHARE, quantile: SHARE },
  tune: { evaluations: whole(1), margin: { ...NUMBER, isOptional: true } },
  restart: {
    patience: whole(1),
    lifetime: {
      is: (value) => value === Infinity || whole(1).is(value),
      must: whole(1).must,
      isOptional: true,
    },
    from: oneOf("best", "init"),
  },
  checkpoint: {
    store: {
      is: (value) => hasCall("load")(value) && hasCall("save")(value),
      must: 'what has `load` and `save`, such as fileCheckpoint("run.json")',
    },
    every: { ...whole(1), isOptional: true },
  },
  // What is in it `space` checks.
  space: { functions: ANY, states: ANY, freeze: ANY, longest: ANY },
};

function refuse(reason: string): never {
  throw new GradusError(`Cannot search: ${reason}`);
}

/** Refuses options that cannot be used, and those that there are not. */
export function checkOptions(options: SearchOptions): void {
  if (!isRecord(options)) refuse(`the options must be an object: given ${shown(options)}`);
  // It was an option before there were scorers.
  if ("workers" in options) {
    refuse("there is no option `workers`: say `scorer: localScorer({ workers: 2 })`");
  }
  checkRecord(options, OPTIONS, "", (name) => name === "tasks" || name === "budget");
  for (const [name, kinds] of Object.entries(PARTS)) {
    const part = options[name as keyof SearchOptions];
    if (part === undefined) continue;
    const isNeeded = (key: string) => !kinds[key].isOptional;
    checkRecord(part as unknown as Record<string, unknown>, kinds, `${name}.`, isNeeded);
  }
  const { trained = Infinity, generated = Infinity } = options.budget;
  if (Math.min(trained, generated) < Infinity) return;
  refuse("`budget` must say how many are trained or generated");
}

function checkRecord(
  given: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, Kind>>,
  prefix: string,
  isNeeded: (name: string) => boolean,
): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(kinds, name)) continue;
    refuse(
      `there is no option ${quoted(prefix + name)}${suggestion(name, Object.keys(kinds))}`,
    );
  }
  for (const [name, { is, must }] of Object.entries(kinds)) {
    const value = given[name];
    if (value === undefined ? !isNeeded(name) : is(value)) continue;
    refuse(`\`${prefix}${name}\` must be ${must}: given ${shown(value)}`);
  }
}
