/** Random programs on random trees that an array library can be given: float32, of numbers it can hold. */
import fc from "fast-check";
import { postorder } from "../../dsl/node.ts";
import { factory, type Optimizer, parseProgram } from "../../mod.ts";
import { anyProgram } from "../dsl/generate.ts";
import { arraysOf, inputsOf, optionsOf, type Scenario, scenarios } from "../runtime/scenario.ts";
import type { Stream } from "./jax.ts";

/** A program, bound, and what it is stepped on. */
export interface Drawn {
  readonly text: string;
  readonly opt: Optimizer;
  readonly stream: Stream;
}

const TAME = [0.5, -1, 2, 0.1, 1e-3, 3];

/** Whether all numbers of a program are numbers of float32, none of them subnormal. */
function isHeld({ generated: { statements, inits, document } }: Scenario): boolean {
  const roots = [...statements.map(({ value }) => value), ...inits.values()];
  const constants = postorder(roots).flatMap(({ op, arg }) => op === "Const" ? [Number(arg)] : []);
  const hyper = Object.values(document.hyper ?? {}).map((given) =>
    Number(typeof given === "object" ? given.default : given)
  );
  return [...constants, ...hyper].every((x) => {
    const size = Math.abs(x);
    return !(size < 1e-30 && size > 0) && !(size > 1e30 && size < Infinity);
  });
}

/** So many random programs of every op, of parameters with at least `rank` axes. */
export function randomPrograms(rank: number, count: number, seed: number): Drawn[] {
  const held = scenarios(anyProgram({ rank }), rank).filter(isHeld);
  return fc.sample(held, { numRuns: count, seed }).map((drawn) => {
    const scenario: Scenario = {
      ...drawn,
      leaves: drawn.leaves.map((leaf) => ({ ...leaf, dtype: "float32", isBare: false })),
      settings: drawn.settings.map(({ kind }, i) => ({
        // Functions and trees of them are refused.
        kind: ["function", "tree", "prefix"].includes(kind) ? "schedule" : kind,
        numbers: TAME.map((_, k) => TAME[(i + k + drawn.seed) % TAME.length]),
      })),
      muDtype: undefined,
      wild: 0,
    };
    return {
      text: Deno.inspect({
        step: scenario.generated.document.step,
        state: scenario.generated.document.state,
        hyper: scenario.generated.document.hyper,
        inputs: inputsOf(scenario, 0),
        leaves: scenario.leaves,
        options: optionsOf(scenario),
      }, { depth: 4, compact: true, breakLength: 200 }),
      opt: factory(parseProgram(scenario.generated.document))(optionsOf(scenario)),
      stream: {
        params: () => arraysOf(scenario, 0) as object,
        gradients: (t) => arraysOf(scenario, t + 1) as object,
        inputs: (t) => inputsOf(scenario, t),
        steps: 2,
      },
    };
  });
}
