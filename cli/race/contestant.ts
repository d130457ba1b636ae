/** Who races: a program with the settings given for it. */
import { quoted, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import { makeOf, RATE, requireTrainable, shaped, shapeOf } from "../../search/trials/entrant.ts";
import type { Shape } from "../../search/trials/train.ts";
import { programOf } from "../files.ts";
import { settingOf, UsageError } from "../values.ts";

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
    requireTrainable(program, `Cannot race ${quoted(called[i])}`);
    const given = Object.fromEntries(settings[i]);
    const rateShape = shapeOf(program, given[RATE], shape);
    const make = makeOf(names[i], program);
    return {
      name: called[i],
      program,
      settings: settings[i],
      shape: rateShape,
      make: (rate, steps) =>
        make(shaped(rate === undefined ? given : { ...given, [RATE]: rate }, rateShape, steps)),
    };
  });
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
