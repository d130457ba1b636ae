/** The optimizers of a sweep: what is tried of each, held against what it takes. */
import { isRecord } from "../../dsl/record.ts";
import { requireWithin } from "../../dsl/domain.ts";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { requireTrainable } from "../trials/entrant.ts";
import type { Shape } from "../trials/train.ts";
import { optimizerOf, type OptionValue } from "../trials/trial.ts";
import { type Dimension, gridOf } from "./dimension.ts";
import type { SweepMethod, Swept } from "./options.ts";
import { readDimension } from "./read_dimension.ts";
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

/** As many as a page can tell apart. */
const MOST_OPTIMIZERS = 10;

/** What the optimizers of a sweep are checked with. */
interface Context {
  readonly method: SweepMethod;
  readonly trials: number;
  readonly programs: Readonly<Record<string, Program>>;
  readonly schedule: Shape | undefined;
}

/** The optimizers of a sweep. */
export function entrantsOf(given: unknown, context: Context): Entrant[] {
  const entries = isRecord(given) ? Object.entries(given) : [];
  if (entries.length === 0 || entries.length > MOST_OPTIMIZERS) {
    refuse(
      ["optimizers"],
      `\`optimizers\` must be an object of 1 to ${MOST_OPTIMIZERS} optimizers: given ${
        shown(given)
      }`,
    );
  }
  const entrants = entries.map(([name, swept]) => entrantOf(name, swept ?? {}, context));
  // Two files may have programs of one name.
  return entrants.map((each, i) => {
    const isAlone = entrants.every(({ name }, k) => k === i || name !== each.name);
    return isAlone ? each : { ...each, name: entries[i][0] };
  });
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
    const dimension = readDimension(key, value, [...path, key], { program, method });
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
      // The first name that it says is of what is wrong; what follows may be a proposal.
      const [named] = keys.filter((key) => message.includes(quoted(key)))
        .sort((a, b) => message.indexOf(quoted(a)) - message.indexOf(quoted(b)));
      refuse(named === undefined ? path : [...path, named], message, "key", "");
    }
  };
  make(first, Object.keys(first));
  for (const each of dimensions) {
    for (const value of endsOf(each).slice(1)) make({ ...first, [each.name]: value }, [each.name]);
  }
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
