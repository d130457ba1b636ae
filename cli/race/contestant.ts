/** Who races: a program with the settings given for it. */
import { GradusError, quoted, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { symbol } from "../../dsl/node.ts";
import { factory } from "../../runtime/define.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import { BUILT_IN, programOf } from "../files.ts";
import { kindOf } from "../kind.ts";
import { settingOf, UsageError } from "../values.ts";
import { factorsOf, type Shape } from "./train.ts";

/** One that races. */
export interface Contestant {
  readonly name: string;
  readonly program: Program;
  /** What was given for it by `--set`. */
  readonly settings: ReadonlyMap<string, HyperValue | boolean>;
  /** How its rate goes over a run; undefined if it has none, or one of its own. */
  readonly shape: Shape | undefined;
  /** The optimizer at a peak rate, for a number of steps. */
  readonly make: (rate: number | undefined, steps: number) => Optimizer;
}

const RATE = "learningRate";

/** Those named, each with its settings. */
export async function contestantsOf(
  names: readonly string[],
  set: readonly string[],
  shape: Shape | undefined,
): Promise<Contestant[]> {
  const programs = await Promise.all(names.map(programOf));
  const called = programs.map(({ name }, i) =>
    programs.filter((each) => each.name === name).length > 1 ? names[i] : name
  );
  const twice = called.find((name, i) => called.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`${quoted(twice)} is named twice`);
  const settings = readSettings(set, called, programs);
  return programs.map((program, i) => {
    requireRaceable(program, called[i]);
    // A built-in one has options of its own that its program does not tell of.
    const own = BUILT_IN.get(names[i]);
    const make: Make = own === undefined ? factory(program) : (options) => own(options as never);
    return contestant({ name: called[i], program, settings: settings[i] }, make, shape);
  });
}

type Make = (options: Readonly<Record<string, unknown>>) => Optimizer;

function contestant(
  one: Pick<Contestant, "name" | "program" | "settings">,
  make: Make,
  given: Shape | undefined,
): Contestant {
  const { program, settings } = one;
  const own = settings.get(RATE);
  const isOwn = typeof own === "function" || (own !== undefined && typeof own !== "number");
  // What says by itself where to evaluate averages its way, and needs no rate that falls.
  const usual = program.evaluate === symbol("w") ? "cosine" : "constant";
  const shape = !program.hyper.has(RATE) || isOwn ? undefined : given ?? usual;
  const atRate = (rate: number | undefined, steps: number) => {
    const options = Object.fromEntries(settings);
    if (shape !== undefined && rate !== undefined) {
      const factors = factorsOf(shape, steps);
      options[RATE] = (count: number) => rate * factors[Math.min(count, steps - 1)];
    }
    return make(options);
  };
  return { ...one, shape, make: atRate };
}

/** The number that a rate was set to, if it was. */
export function givenRate({ settings }: Contestant): number | undefined {
  const own = settings.get(RATE);
  return typeof own === "number" ? own : undefined;
}

/** Near which its rate is looked for: its default, or what suits most. */
export function usualRate({ program }: Contestant): number {
  const usual = program.hyper.get(RATE);
  return typeof usual === "number" && usual > 0 ? usual : 0.01;
}

/** `name.option=value` by name; without a name it is for all that have the option. */
function readSettings(
  set: readonly string[],
  names: readonly string[],
  programs: readonly Program[],
): Map<string, HyperValue | boolean>[] {
  const settings = names.map(() => new Map<string, HyperValue | boolean>());
  for (const each of set) {
    const { name, value } = settingOf(each);
    const of = names.findLast((known) => name.startsWith(`${known}.`));
    if (of !== undefined) settings[names.indexOf(of)].set(name.slice(of.length + 1), value);
    else if (!name.includes(".")) {
      const those = settings.filter((_, i) => programs[i].hyper.has(name));
      // What none of them has is refused where they are made.
      for (const each of those.length === 0 ? settings : those) each.set(name, value);
    } else {
      const given = name.slice(0, name.lastIndexOf("."));
      throw new UsageError(
        `--set ${each}: ${quoted(given)} does not race${suggestion(given, names)}`,
      );
    }
  }
  return settings;
}

function requireRaceable(program: Program, name: string): void {
  const doing = `Cannot race ${quoted(name)}`;
  if (kindOf(program) === "transform") {
    throw new GradusError(
      `${doing}: it must go against the gradient, and this passes it on: it is a transform, to be ` +
        "chained with others",
    );
  }
  const unknown = [...program.inputs].find(([input, kind]) =>
    input !== "value" || kind !== "scalar"
  );
  if (unknown !== undefined) {
    throw new GradusError(
      `${doing}: a race gives gradients and the loss \`value\`, and it needs \`${unknown[0]}\``,
    );
  }
}
