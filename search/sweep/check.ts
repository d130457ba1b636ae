/** What a sweep is told, held against what there is before anything is trained. */
import { isRecord } from "../../dsl/check.ts";
import { ANY_NUMBER, requireWithin } from "../../dsl/domain.ts";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { requireTrainable } from "../trials/entrant.ts";
import { MOST_STEPS, optimizerOf, type OptionValue } from "../trials/trial.ts";
import { TASKS } from "../trials/tasks.ts";
import type { Shape } from "../trials/train.ts";
import { type Dimension, gridOf } from "./dimension.ts";
import type { SweepMethod, SweepOptions, SweepRun, Swept } from "./options.ts";
import { type Path, refuse } from "./refuse.ts";
import { MOST_DIMENSIONS } from "./sobol.ts";

/** An optimizer of a sweep. */
export interface Entrant {
  readonly name: string;
  /** What trials call it: its name, or the text of its program. */
  readonly target: string;
  readonly swept: Readonly<Record<string, Swept>>;
  /** What all trials set. */
  readonly fixed: Readonly<Record<string, OptionValue>>;
  readonly dimensions: readonly Dimension[];
  /** How many trials it has. */
  readonly trials: number;
}

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

/** As many as a page can tell apart. */
const MOST_OPTIMIZERS = 10;
const MOST_VALUES = 100;
const MOST_SEEDS = 100;
const MOST_TRIALS = 10_000;
/** Trainings of all optimizers, tasks and seeds together. */
const MOST_TRAININGS = 1_000_000;
/** Far from those that trials run on. */
const OTHER_SEEDS = 1_000_000;
/** Below it a logarithm would lose digits. */
const LEAST = 1e-300;

/** The plan of a sweep; refuses what cannot be run. */
export function planOf(options: SweepOptions, programs: NonNullable<SweepRun["programs"]>): Plan {
  const given: unknown = options;
  if (!isRecord(given)) {
    refuse([], `it must be an object with \`optimizers\` and \`tasks\`: given ${shown(given)}`);
  }
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

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
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

interface Context {
  readonly method: SweepMethod;
  readonly trials: number;
  readonly programs: Readonly<Record<string, Program>>;
  readonly schedule: Shape | undefined;
}

function entrantsOf(given: unknown, context: Context): Entrant[] {
  const entries = isRecord(given) ? Object.entries(given) : [];
  if (entries.length === 0 || entries.length > MOST_OPTIMIZERS) {
    refuse(
      ["optimizers"],
      `\`optimizers\` must be an object of 1 to ${MOST_OPTIMIZERS} optimizers: given ${
        shown(given)
      }`,
    );
  }
  return entries.map(([name, swept]) => entrantOf(name, swept ?? {}, context));
}

function entrantOf(name: string, swept: unknown, context: Context): Entrant {
  const { method, programs, schedule } = context;
  const path = ["optimizers", name];
  const own = Object.hasOwn(programs, name) ? programs[name] : undefined;
  const program = own ?? BUILT_IN.get(name)?.program;
  if (program === undefined) {
    const near = suggestion(name, [...BUILT_IN.keys(), ...Object.keys(programs)]);
    refuse(path, `there is no optimizer ${quoted(name)}${near}`, "key");
  }
  if (!isRecord(swept)) {
    refuse(path, `${quoted(name)} must have an object of hyperparameters: given ${shown(swept)}`);
  }
  at(path, () => requireTrainable(program, `Cannot sweep ${quoted(name)}`));
  const fixed: Record<string, OptionValue> = {};
  const dimensions: Dimension[] = [];
  for (const [key, value] of Object.entries(swept)) {
    const dimension = dimensionOf(key, value, [...path, key], { program, method });
    if (typeof dimension === "object") dimensions.push(dimension);
    else define(fixed, key, dimension);
  }
  requireValues(own === undefined ? name : "", program, { fixed, dimensions, schedule, path });
  return {
    name: own?.name ?? name,
    target: own === undefined ? name : printJson(own),
    swept: swept as Entrant["swept"],
    fixed,
    dimensions,
    trials: trialsOf(name, dimensions, context),
  };
}

function trialsOf(
  name: string,
  dimensions: readonly Dimension[],
  { method, trials }: Context,
): number {
  // Every trial would be the same.
  if (dimensions.length === 0) return 1;
  if (method === "sobol" && dimensions.length > MOST_DIMENSIONS) {
    refuse(
      ["optimizers", name],
      `Sobol' points are of at most ${MOST_DIMENSIONS} hyperparameters: ${quoted(name)} has ` +
        `${dimensions.length}`,
      "key",
    );
  }
  if (method !== "grid") return trials;
  const size = dimensions.reduce((product, each) => product * gridOf(each).length, 1);
  if (size <= trials) return size;
  refuse(
    ["optimizers", name],
    `the grid of ${quoted(name)} must be of at most ${trials} trials: it is of ${size}`,
    "key",
  );
}

/** What a key says: a value, or what is tried of it. */
function dimensionOf(
  name: string,
  given: unknown,
  path: Path,
  { program, method }: { readonly program: Program; readonly method: SweepMethod },
): Dimension | OptionValue {
  if (isOptionValue(given)) return given;
  const what = `${quoted(name)} of ${quoted(String(path[1]))}`;
  if (Array.isArray(given)) {
    if (given.length === 0 || given.length > MOST_VALUES || !given.every(isOptionValue)) {
      refuse(
        path,
        `${what} must be a list of 1 to ${MOST_VALUES} values: given ${shownList(given)}`,
      );
    }
    const twice = given.find((value, i) => given.indexOf(value) < i);
    if (twice !== undefined) refuse(path, `${what} has ${shown(twice)} twice`);
    return { name, values: given };
  }
  const form = "{ log: [a, b] } or { uniform: [a, b] }";
  if (!isRecord(given)) {
    refuse(path, `${what} must be a value, a list of them, ${form}: given ${shown(given)}`);
  }
  for (const key of Object.keys(given)) {
    const known = ["log", "uniform", "points"];
    if (known.includes(key)) continue;
    const near = suggestion(key, known);
    refuse([...path, key], `${what} must be ${form}: there is no ${quoted(key)}${near}`, "key");
  }
  const kinds = ["log", "uniform"].filter((key) => key in given);
  if (kinds.length !== 1) refuse(path, `${what} must be ${form}: given ${shown(given)}`);
  const [kind] = kinds;
  const [low, high] = endsOf(given[kind], what, [...path, kind]);
  const isLog = kind === "log";
  const { isWhole } = program.domains.get(name) ?? ANY_NUMBER;
  if (isLog && !(low >= LEAST)) {
    refuse([...path, kind], `${what} must be above 0 on a log scale: given ${low}`);
  }
  if (isWhole && ![low, high].every(Number.isInteger)) {
    refuse([...path, kind], `${what} must be between whole numbers: given ${low} and ${high}`);
  }
  return { name, low, high, isLog, isWhole, points: pointsOf(given.points, method, what, path) };
}

function endsOf(given: unknown, what: string, path: Path): [number, number] {
  if (Array.isArray(given) && given.length === 2 && given.every(Number.isFinite)) {
    const [low, high] = given;
    if (low < high && Number.isFinite(high - low)) return [low, high];
  }
  refuse(
    path,
    `${what} must be between two numbers, the smaller first, such as [0.001, 0.1]: given ` +
      shownList(given),
  );
}

function pointsOf(
  given: unknown,
  method: SweepMethod,
  what: string,
  path: Path,
): number | undefined {
  if (method !== "grid") {
    if (given === undefined) return undefined;
    refuse([...path, "points"], `${what} has \`points\`, which only \`method: grid\` takes`, "key");
  }
  if (isWhole(given, 2, MOST_VALUES)) return given;
  refuse(
    given === undefined ? path : [...path, "points"],
    `${what} must say how many \`points\` a grid has of it, 2 to ${MOST_VALUES}, such as ` +
      `{ log: [0.001, 0.1], points: 5 }: given ${given === undefined ? "none" : shown(given)}`,
  );
}

/** Makes the optimizer with every value of lists and both ends of ranges, each beside the first of all others. */
function requireValues(
  name: string,
  program: Program,
  { fixed, dimensions, schedule, path }: Pick<Entrant, "fixed" | "dimensions"> & {
    readonly schedule: Shape | undefined;
    readonly path: Path;
  },
): void {
  const endsOf = (each: Dimension) => "values" in each ? each.values : [each.low, each.high];
  const first: Record<string, OptionValue> = {};
  for (const [key, value] of Object.entries(fixed)) define(first, key, value);
  for (const each of dimensions) define(first, each.name, endsOf(each)[0]);
  const make = (options: Readonly<Record<string, OptionValue>>, keys: readonly string[]) => {
    try {
      optimizerOf(name, program, { options, schedule, steps: 100 });
      // A learning rate becomes a schedule, whose numbers are held against the domain when they are reached.
      for (const key of keys) {
        const [domain, value] = [program.domains.get(key), options[key]];
        if (domain === undefined || typeof value !== "number") continue;
        requireWithin(domain, value, key, `Cannot make "${program.name}"`);
      }
    } catch (error) {
      if (!(error instanceof GradusError)) throw error;
      const { message } = error;
      const named = keys.find((key) => message.includes(quoted(key)));
      refuse(named === undefined ? path : [...path, named], message, "key", "");
    }
  };
  make(first, Object.keys(first));
  for (const each of dimensions) {
    for (const value of endsOf(each).slice(1)) make({ ...first, [each.name]: value }, [each.name]);
  }
}

function isOptionValue(value: unknown): value is OptionValue {
  return typeof value === "number" && !Number.isNaN(value) || typeof value === "boolean" ||
    typeof value === "string";
}

/** Sets a key of any name. */
function define(record: Record<string, OptionValue>, key: string, value: OptionValue): void {
  Object.defineProperty(record, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Says of an error where in the sweep it is. */
function at(path: Path, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    refuse(path, error.message, "key", "");
  }
}

function shownList(value: unknown): string {
  if (!Array.isArray(value) || value.length > 5) return shown(value);
  return `[${value.map(shown).join(", ")}]`;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
