/** What a step comes to before anything is computed: its numbers, and which plan they choose. */
import { ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { GradusError } from "../../dsl/errors.ts";
import type { Binding } from "./binding.ts";
import type { HyperNumbers, Setting } from "../trees/hyperparameters.ts";
import { numbersOf } from "./numbers.ts";
import { inputOf, type State, treeNumber } from "../trees/state.ts";
import { type FormKey, guardsAt, guardsOf } from "../plan/variants.ts";

/** The numbers of a step and the form of its plan. */
export interface StepForm {
  /** The binding that the groups are of. */
  readonly binding: Binding;
  /** The value of every symbol that changes once a step, by group. */
  readonly symbols: readonly ReadonlyMap<string, number>[];
  /** What chooses the plan, by group. */
  readonly keys: readonly FormKey[];
  /** What tells this form from others of the binding. */
  readonly text: string;
  /** The hyperparameters that were not written but follow from the settings. */
  readonly used: Record<string, HyperNumbers>;
}

/** The form of a step. The numbers of the states in `elsewhere` are not at hand. */
export function formOfStep(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  known: Binding,
  state: State,
  inputs: Readonly<Record<string, unknown>>,
  params: object,
  doing: string,
  elsewhere: ReadonlySet<string> = new Set(),
): StepForm {
  const clock = (name: string | undefined): number => {
    if (name === undefined) return state.count;
    if (!elsewhere.has(name)) return treeNumber(state, name, doing);
    throw new GradusError(
      `${doing}: a schedule must follow a number that is known before the step: it follows state ` +
        `\`${name}\`, which is computed from gradients`,
    );
  };
  const { binding, groups, used } = numbersOf(
    program,
    settings,
    known,
    state.hyper,
    clock,
    params,
    doing,
  );
  const common = new Map<string, number>([["count", state.count]]);
  for (const [name, kind] of program.inputs) {
    if (kind === "scalar") common.set(name, inputOf(inputs, name, doing));
  }
  for (const name of known.live) {
    if (program.state.get(name)!.over !== "tree" || elsewhere.has(name)) continue;
    common.set(name, treeNumber(state, name, doing));
  }
  // What was 0 for good when the optimizer was made, and still is.
  const structural = binding.groups.map((group, i) =>
    new Map(
      [...group.structural].filter(([name, value]) => value !== ZERO || groups[i].get(name) === 0),
    )
  );
  const symbols = groups.map((numbers) => new Map([...common, ...numbers]));
  const keys = structural.map((each, i): FormKey => ({
    structural: each,
    guards: guardsAt(guardsOf(program, each), symbols[i], elsewhere),
  }));
  const texts = keys.map(({ structural, guards }) =>
    [...structural.keys(), ...guards.map(String)].join()
  );
  return { binding, symbols, keys, text: texts.join(";"), used };
}

/** Refuses what reads a state that a hyperparameter of 0 took with it when the optimizer was made. */
export function requireKept(
  program: Program,
  nodes: Iterable<{ readonly op: string; readonly arg: unknown }>,
  live: ReadonlySet<string>,
  doing: string,
): void {
  for (const { op, arg } of nodes) {
    if (op === "Symbol" && program.state.has(arg as string) && !live.has(arg as string)) {
      throw new GradusError(
        `${doing}: state \`${arg}\` was left out, since a hyperparameter that it needs was 0 when ` +
          `the optimizer was made: make it with another value, or with a schedule`,
      );
    }
  }
}
