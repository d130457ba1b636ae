/** The options of a search, held against what there is before anything is trained. */
import { GradusError } from "../../dsl/errors.ts";
import {
  having,
  type Kind,
  type Kinds,
  needed,
  NUMBER,
  oneOf,
  POSITIVE,
  RECORD,
  requireOptions,
  whole,
} from "../../dsl/options.ts";
import { isRecord } from "../../dsl/record.ts";
import { TASK_LIST } from "../tasks/common.ts";
import type { SearchOptions } from "./options.ts";

/** Beyond it a window only takes memory, and redraws only time. */
const [MOST_WINDOW, MOST_REDRAWS] = [100_000, 10_000];

const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0;
const hasCall = (name: string) => having("", name).is;

/** What a search is of. */
export const TASKS: Kind = needed({
  is: (value) => isList(value) && TASK_LIST.is(value),
  must: 'a list of at least one task, such as proxy("zipf@1")',
});
const SHARE: Kind = {
  is: (value) => POSITIVE.is(value) && value as number < 1,
  must: "above 0 and below 1",
};

/** Every option, so that one that is new cannot be forgotten. */
const OPTIONS: Kinds<SearchOptions> = {
  tasks: TASKS,
  space: RECORD,
  init: {
    is: (value) => isList(value) && value.every((text) => typeof text === "string"),
    must: "a list of the texts of programs",
  },
  strategy: oneOf("evolution", "random"),
  mutations: {
    is: (value) =>
      isRecord(value) && isList(Object.values(value)) &&
      Object.values(value).every((each) =>
        isRecord(each) && hasCall("mutate")(each) && POSITIVE.is(each.weight) &&
        Number.isFinite(each.weight)
      ),
    must: "an object of mutations such as { tune: { weight: 1, mutate: … } }",
  },
  seed: { is: Number.isSafeInteger, must: "a whole number" },
  budget: needed({ is: isRecord, must: "an object with `trained` or `generated`" }),
  population: whole(1),
  tournament: whole(1),
  survival: oneOf("oldest", "front"),
  downsample: {
    is: (value) => POSITIVE.is(value) && value as number <= 1,
    must: "above 0 and at most 1",
  },
  redraws: whole(0, MOST_REDRAWS),
  window: whole(1, MOST_WINDOW),
  scorer: having("what scores programs, such as localScorer({ workers: 2 })", "score"),
  below: NUMBER,
  hurdle: { is: isRecord, must: "an object with `share` and `quantile`" },
  tune: { is: isRecord, must: "an object with `evaluations`" },
  restart: { is: isRecord, must: "an object with `patience` and `from`" },
  lengthCost: { is: Number.isFinite, must: "a finite number" },
  hall: whole(1),
  heldOut: TASK_LIST,
  cache: having("a Map", "get", "set", "has"),
  checkpoint: { is: isRecord, must: "an object with a `store`" },
};

/** What is in options that are objects. */
const PARTS: {
  readonly [name in "budget" | "hurdle" | "tune" | "restart" | "checkpoint"]: Kinds<
    NonNullable<SearchOptions[name]>
  >;
} = {
  budget: { trained: POSITIVE, generated: POSITIVE },
  hurdle: { share: needed(SHARE), quantile: needed(SHARE) },
  tune: { evaluations: needed(whole(1)), margin: NUMBER },
  restart: {
    patience: needed(whole(1)),
    lifetime: { is: (value) => value === Infinity || whole(1).is(value), must: whole(1).must },
    from: needed(oneOf("best", "init")),
  },
  checkpoint: {
    store: needed(
      having('what has `load` and `save`, such as fileCheckpoint("run.json")', "load", "save"),
    ),
    every: whole(1),
  },
};

function refuse(reason: string): never {
  throw new GradusError(`Cannot search: ${reason}`);
}

/** Refuses options that cannot be used, and those that there are not. */
export function checkOptions(options: SearchOptions): void {
  // It was an option before there were scorers.
  if (isRecord(options) && "workers" in options) {
    refuse("there is no option `workers`: say `scorer: localScorer({ workers: 2 })`");
  }
  requireOptions("Cannot search", options, OPTIONS);
  for (const [name, kinds] of Object.entries(PARTS)) {
    const part = options[name as keyof SearchOptions];
    if (part !== undefined) requireOptions("Cannot search", part, kinds, name);
  }
  const { trained = Infinity, generated = Infinity } = options.budget;
  if (Math.min(trained, generated) < Infinity) return;
  refuse("`budget` must say how many are trained or generated");
}
