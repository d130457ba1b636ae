/** The optimizers that can be chosen, and what is made of a choice. */
import { kindOf } from "../../cli/kind.ts";
import { requiredOf } from "../../runtime/required.ts";
import { fix } from "../../dsl/fix.ts";
import { postorder } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import {
  cosineDecaySchedule,
  factory,
  linearSchedule,
  type Optimizer,
  type Schedule,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import type { OptimizerChoice, ScheduleName } from "./protocol.ts";

const RATE = "learningRate";

/** Whether a step can be made of gradients and the loss alone, in a graph. */
function isSuitable(program: Program): boolean {
  const needsMore = [...program.inputs].some(([name]) => name !== "value");
  const nodes = postorder(program.statements.map(({ value }) => value));
  // What scales is for chains, though it goes against the gradient.
  const isPart = program.name.startsWith("scaleBy");
  const isRandom = nodes.some(({ op }) => randomRow(op) !== undefined);
  return !needsMore && !isPart && !isRandom && kindOf(program) === "optimizer";
}

/** The programs that can be chosen, by name, in the order of the alphabet. */
export const PROGRAMS: ReadonlyMap<string, Program> = new Map(
  [...BUILT_IN].map(([name, { program }]) => [name, program] as const)
    .filter(([, program]) => isSuitable(program))
    .sort(([a], [b]) => a < b ? -1 : 1),
);

/** The settings of a program that a person may change: numbers and switches, with their defaults. */
export function settingsOf(program: Program): Map<string, number | boolean> {
  const settings = [...program.hyper].flatMap(([name, value]) =>
    // Those of a part of it are not options of the whole.
    name.includes("_") || value === "required" ? [] : [[name, value] as const]
  );
  const rate: [string, number][] = program.hyper.get(RATE) === "required"
    ? [[RATE, rateOf(program)]]
    : [];
  return new Map<string, number | boolean>([...rate, ...settings as [string, number | boolean][]]);
}

/** Gradients as they often are, how far a step should go, and by which steps that is found. */
const GRADIENTS = [0.02, -0.01, 0.03, -0.02];
const FAR = 0.003;
const TRIED = { rate: 1e-4, steps: 200 };

/** A learning rate to begin with: by it a weight moves about as far in a step, whatever the optimizer. */
function rateOf(program: Program): number {
  const opt = factory(program)(requiredOf(program, TRIED.rate)).with({ backend: "interpreter" });
  const matrix = (values: readonly number[]) => ({
    data: Float32Array.from(values),
    shape: [2, 2],
  });
  const first = [1, -1, 1, -1];
  const params = { w: matrix(first) };
  const state = opt.init(params);
  const inputs = program.inputs.has("value") ? { value: 1 } : {};
  for (let step = 0; step < TRIED.steps; step++) {
    opt.step(params, { w: matrix(GRADIENTS) }, state, inputs);
  }
  const far = first.map((value, i) => Math.abs(params.w.data[i] - value));
  const moved = far.reduce((a, b) => a + b) / far.length / TRIED.steps;
  const rate = TRIED.rate * FAR / moved;
  return rate > 0 && rate < 1 ? Number(rate.toPrecision(1)) : 0.01;
}

/** A program as its settings leave it: cases that they decide, and terms that they take away, are gone. */
export function settled(program: Program, chosen: OptimizerChoice["hyper"]): Program {
  const all = [...settingsOf(program)].map(([name, usual]) =>
    [name, chosen[name] ?? usual] as const
  );
  const decided = all.filter(([, value]) => typeof value === "boolean" || value === 0);
  return fix(program, { name: program.name }, Object.fromEntries(decided));
}

/** Whether its rate may go over the steps. */
export function hasRate(program: Program): boolean {
  return program.hyper.has(RATE);
}

/** The optimizer of a choice, for so many steps. */
export function optimizerOf({ name, hyper, schedule }: OptimizerChoice, steps: number): Optimizer {
  const make = BUILT_IN.get(name) as unknown as (options: object) => Optimizer;
  const { [RATE]: rate, ...rest } = hyper;
  if (typeof rate !== "number") return make(rest);
  return make({ ...rest, [RATE]: scheduled(schedule, rate, steps) });
}

function scheduled(name: ScheduleName, rate: number, steps: number): number | Schedule {
  if (name === "cosine") {
    return cosineDecaySchedule({ initValue: rate, decaySteps: steps, alpha: 0.02 });
  }
  if (name === "linear") {
    return linearSchedule({ initValue: rate, endValue: 0.02 * rate, transitionSteps: steps });
  }
  if (name === "constant") return rate;
  return warmupCosineDecaySchedule({
    initValue: 0,
    peakValue: rate,
    warmupSteps: Math.ceil(steps / 20),
    decaySteps: steps,
    endValue: 0.02 * rate,
  });
}
