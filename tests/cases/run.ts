/** Runs a case in either manner, in place or functionally, and keeps a copy of whatever it makes. */
import { applyUpdates, type Optimizer, type State, type StepOptions } from "../../mod.ts";
import { copied } from "../copied.ts";
import { type Case, STEPS, type Tree } from "./case.ts";

/** What a run came to: copies of trees by what they are. */
export type Made = ReadonlyMap<string, unknown>;

/** How a place where optimizers are stepped does what a run takes. */
export interface Stepper {
  init(params: object): State;
  step(
    params: object,
    gradients: object,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
    options: StepOptions,
  ): void | Promise<void>;
  /** Puts a tree there; left out where it is stepped as it is. */
  place?(tree: object): object;
  /** Brings a tree back, which takes a while: after the first step and the last. Left out where it is at hand. */
  fetch?(tree: object): Promise<object>;
  /** Gives back a tree that is no longer needed. */
  release?(tree: object): void;
  /** What is waited for between steps. */
  pause?(): Promise<void>;
}

const optionsOf = ({ skips = false }: Case): StepOptions => ({ missing: skips ? "skip" : "error" });

/** Steps a case in place. */
export async function stepped(of: Case, stepper: Stepper): Promise<Made> {
  const { place = (tree) => tree, fetch } = stepper;
  const { steps = STEPS } = of;
  const made = new Map<string, unknown>();
  const params = place(of.params());
  const state = stepper.init(params);
  const keep = async (when: string) => {
    const { hyper, ...rest } = state;
    const trees = { params, state: rest };
    const now = fetch === undefined ? trees : await fetch(trees) as typeof trees;
    made.set(`the parameters ${when}`, copied(now.params));
    // What hyperparameters a step used is known after it alone.
    const used = state.count === 0 ? {} : { hyper };
    made.set(`the state ${when}`, copied({ ...now.state, ...used }));
  };
  await keep("at the start");
  for (let t = 0; t < steps; t++) {
    of.write?.(state.hyper, t);
    const gradients = place(of.gradients(t));
    const inputs = Object.fromEntries(
      Object.entries(of.inputs?.(t) ?? {}).map(([name, value]) =>
        [name, typeof value === "number" ? value : place(value as object)] as const
      ),
    );
    await stepper.step(params, gradients, state, inputs, optionsOf(of));
    if (fetch === undefined || t === 0 || t === steps - 1) await keep(`after step ${t + 1}`);
    stepper.release?.(gradients);
    await stepper.pause?.();
  }
  stepper.release?.(params);
  stepper.release?.(state);
  return made;
}

/** Updates a case functionally. */
export function updated(of: Case, opt: Optimizer, place: (tree: Tree) => object): Made {
  const made = new Map<string, unknown>();
  let params = place(of.params());
  let state: State = opt.init(params, of.init);
  const { steps = STEPS } = of;
  for (let t = 0; t < steps; t++) {
    of.write?.(state.hyper, t);
    const gradients = place(of.gradients(t));
    const [updates, next] = opt.update(gradients, state, params, of.inputs?.(t), optionsOf(of));
    made.set(`update ${t + 1}`, copied(updates));
    made.set(`the state after update ${t + 1}`, copied(next));
    [params, state] = [applyUpdates(params, updates), next];
    made.set(
      `what to evaluate with after update ${t + 1}`,
      copied(opt.evaluationParams(params, state)),
    );
  }
  return made;
}
