/** Problems whose gradients are JavaScript, a user's own among them, each a pack by itself. */
import { GradusError } from "../../dsl/errors.ts";
import { ANY, type Kinds, needed, TEXT } from "../../dsl/options.ts";
import type { Machine } from "../machine/machine.ts";
import { Pack } from "../machine/pack.ts";
import { log } from "../programs/exact_math.ts";
import { BASE, scheduleOf, type TaskBase } from "./common.ts";

/** A task of a module's own: its default export makes a problem of the options and a seed. */
export interface ModuleTask extends TaskBase {
  /** Marks a task of a module's own. */
  readonly kind: "module";
  /** Where the module is. */
  readonly url: string;
  /** What it is given. */
  readonly options: unknown;
}

/** What such a task must be. */
export const MODULE: Kinds<ModuleTask> = { ...BASE, kind: ANY, url: needed(TEXT), options: ANY };

/** A problem that a module of {@linkcode ModuleTask} makes. */
export interface Problem {
  /** The lengths of its tensors. */
  readonly tensors: readonly number[];
  /** Writes where it starts. */
  start(w: Float32Array): void;
  /** Writes the gradient at `w` for a step. */
  gradient(w: Float32Array, step: number, g: Float32Array): void;
  /** What is to be made small, above 0. */
  loss(w: Float32Array): number;
}

/** A problem that also tells the loss that a gradient is of. */
export interface TrainedProblem extends Problem {
  /** Writes the gradient at `w` for a step, and returns the mean loss of its examples. */
  gradient(w: Float32Array, step: number, g: Float32Array): number;
}

/** The problem that a task's module makes. */
export async function loadProblem(task: ModuleTask, seed: number): Promise<Problem> {
  const refuse = (reason: string): never => {
    throw new GradusError(`Cannot load task "${task.name}": ${reason}`);
  };
  const { default: make } = await import(task.url).catch((error) =>
    refuse(`${task.url} must be a module that loads: ${textOf(error)}`)
  );
  if (typeof make !== "function") refuse(`${task.url} must export a function as its default`);
  try {
    return make(task.options, seed);
  } catch (error) {
    return refuse(`${task.url} must make a problem for seed ${seed}: ${textOf(error)}`);
  }
}

/** What was thrown, at no great length: a user's module may throw anything. */
function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}

/** The pack of a problem. */
export function problemPack(machine: Machine, steps: number, problem: Problem): Pack {
  const lengths = problem.tensors;
  const size = lengths.reduce((a, b) => a + b, 0);
  const [params, gradient] = [new Float32Array(size), new Float32Array(size)];
  return new Pack(machine, { lr: scheduleOf(steps), lengths }, (pack) => {
    const read = () => joined(pack.tensorsAt(pack.w), params);
    problem.start(params);
    const first = problem.loss(params);
    return {
      start: () => {
        problem.start(params);
        split(params, pack.tensorsAt(pack.w));
      },
      gradient: (step) => {
        problem.gradient(read(), step, gradient);
        split(gradient, pack.tensorsAt(pack.g));
      },
      scores: () => Float64Array.of(log(first) - log(problem.loss(read()))),
    };
  });
}

/** Tensors one after the other. */
function joined(tensors: readonly Float32Array[], flat: Float32Array): Float32Array {
  let at = 0;
  for (const tensor of tensors) {
    flat.set(tensor, at);
    at += tensor.length;
  }
  return flat;
}

function split(flat: Float32Array, tensors: readonly Float32Array[]): void {
  let at = 0;
  for (const tensor of tensors) tensor.set(flat.subarray(at, at += tensor.length));
}
