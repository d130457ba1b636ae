/** What a sweep is told, held against what there is before anything is trained. */
import { isRecord } from "../../dsl/record.ts";
import { quoted, shown, suggestion } from "../../dsl/errors.ts";
import { TASKS } from "../trials/tasks.ts";
import type { Shape } from "../trials/train.ts";
import { MOST_STEPS } from "../trials/trial.ts";
import { type Entrant, entrantsOf } from "./entrants.ts";
import type { SweepMethod, SweepOptions, SweepRun } from "./options.ts";
import { isWhole, refuse, shownList } from "./refuse.ts";

/** A sweep that can be run. */
export interface Plan {
  readonly entrants: readonly Entrant[];
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  readonly otherSeeds: readonly number[];
  readonly method: SweepMethod;
  readonly steps: number | undefined;
  readonly schedule: Shape | undefined;
  readonly seed: number;
  readonly parallel: number;
}

const KEYS = [
  ...["optimizers", "tasks", "seeds", "method", "trials", "steps", "schedule", "seed", "parallel"],
] as const;
const METHODS: readonly SweepMethod[] = ["grid", "random", "sobol", "tpe"];
const SHAPES: readonly Shape[] = ["cosine", "constant"];

const MOST_SEEDS = 100;
const MOST_TRIALS = 10_000;
/** Trainings of all optimizers, tasks and seeds together. */
const MOST_TRAININGS = 1_000_000;
/** Far from those that trials run on. */
const OTHER_SEEDS = 1_000_000;
/** The plan of a sweep; refuses what cannot be run. */
export function planOf(options: SweepOptions, programs: NonNullable<SweepRun["programs"]>): Plan {
  if (!isRecord(options)) {
    refuse([], `it must be an object with \`optimizers\` and \`tasks\`: given ${shown(options)}`);
  }
  // A key without anything behind it is null in YAML.
  const given: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== null),
  );
  for (const key of Object.keys(given)) {
    if ((KEYS as readonly string[]).includes(key)) continue;
    refuse([key], `there is no setting ${quoted(key)}${suggestion(key, KEYS)}`, "key");
  }
  const method = choice(given, "method", METHODS) ?? "tpe";
  const schedule = choice(given, "schedule", SHAPES);
  const steps = given.steps === undefined ? undefined : whole(given, "steps", 0, 1, MOST_STEPS);
  const seeds = seedsOf(given.seeds ?? 2);
  const tasks = tasksOf(given.tasks);
  const trials = given.trials === undefined && method === "grid"
    ? MOST_TRIALS
    : whole(given, "trials", 40, 1, MOST_TRIALS);
  const entrants = entrantsOf(given.optimizers, { method, trials, programs, schedule });
  const trainings = entrants.reduce((sum, each) => sum + each.trials, 0) * tasks.length *
    seeds.length;
  if (trainings > MOST_TRAININGS) {
    refuse(
      ["trials"],
      `optimizers, trials, tasks and seeds must come to at most ${MOST_TRAININGS} trainings: given ` +
        `${trainings}`,
    );
  }
  const last = Math.max(...seeds);
  return {
    entrants,
    tasks,
    seeds,
    otherSeeds: seeds.map((_, i) => last + OTHER_SEEDS + i),
    method,
    steps,
    schedule,
    seed: whole(given, "seed", 1, 0, 2 ** 32 - 1),
    parallel: whole(given, "parallel", 4, 1, 1000),
  };
}

function choice<T extends string>(
  given: Readonly<Record<string, unknown>>,
  key: string,
  choices: readonly T[],
): T | undefined {
  const value = given[key];
  if (value === undefined || (choices as readonly unknown[]).includes(value)) return value as T;
  const near = typeof value === "string" ? suggestion(value, choices) : "";
  refuse([key], `\`${key}\` must be ${listed(choices)}: given ${shown(value)}${near}`);
}

function whole(
  given: Readonly<Record<string, unknown>>,
  key: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const value = given[key] ?? fallback;
  if (isWhole(value, least, most)) return value;
  refuse(
    [key],
    `\`${key}\` must be a whole number from ${least} to ${most}: given ${shown(value)}`,
  );
}

function seedsOf(given: unknown): number[] {
  if (isWhole(given, 1, MOST_SEEDS)) return Array.from({ length: given }, (_, i) => i + 1);
  const isList = Array.isArray(given) && given.length > 0 && given.length <= MOST_SEEDS &&
    given.every((seed) => isWhole(seed, 0, 2 ** 31)) && new Set(given).size === given.length;
  if (isList) return given;
  refuse(
    ["seeds"],
    `\`seeds\` must be how many, 1 to ${MOST_SEEDS}, or a list of so many different whole numbers ` +
      `from 0 on: given ${shownList(given)}`,
  );
}

function tasksOf(given: unknown): string[] {
  const names = [...TASKS.keys()];
  if (!Array.isArray(given) || given.length === 0) {
    refuse(
      ["tasks"],
      `\`tasks\` must be a list of some of ${names.join(", ")}: given ${shownList(given)}`,
    );
  }
  given.forEach((name, i) => {
    if (!names.includes(name)) {
      const near = typeof name === "string" ? suggestion(name, names) : "";
      refuse(
        ["tasks", i],
        `there is no task ${quoted(String(name))}${near || `; there are ${names.join(", ")}`}`,
      );
    }
    if (given.indexOf(name) < i) refuse(["tasks", i], `the task ${quoted(name)} stands twice`);
  });
  return given;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
