/** Exported optimizers beside the interpreter along the golden stream, and how far they part. */
import type { Optimizer, State } from "../../mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { type Precision, streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const STEPS = 6;

/** How a comparison came out: the largest error against each array's largest number. */
export interface Parting {
  readonly error: number;
  /** Where that was. */
  readonly place: string;
}

/** Further inputs of a step: the loss, and for a tree of numbers one like the parameters. */
export function inputsAt({ program }: Optimizer, precision: Precision, t: number) {
  return Object.fromEntries(
    [...program.inputs].map(([name, kind]) =>
      kind === "scalar"
        ? [name, streamValue(t)] as const
        : [name, streamGradients(precision, t + 1)] as const
    ),
  );
}

/** Steps `opt` and what `bytes` hold along the stream. */
export async function partingOf(
  opt: Optimizer,
  bytes: Uint8Array,
  precision: Precision,
): Promise<Parting> {
  const definition = opt.with({ backend: "interpreter" });
  const exported = await OrtOptimizer.load(bytes);
  const [ours, theirs] = [streamParams(precision), streamParams(precision)];
  const [state, theirState] = [definition.init(ours), exported.init(theirs)];
  let parting: Parting = { error: 0, place: "" };
  const compare = (step: string) => {
    const found = largest(
      { w: theirs, ...numbersIn(theirState) },
      { w: ours, ...numbersIn(state) },
    );
    // A NaN on one side is further than any number.
    if (!(found.error <= parting.error)) parting = { ...found, place: `${step}: ${found.place}` };
  };
  compare("at the start");
  for (let t = 0; t < STEPS; t++) {
    const inputs = inputsAt(opt, precision, t);
    definition.step(ours, streamGradients(precision, t), state, inputs);
    await exported.step(theirs, streamGradients(precision, t), theirState, inputs);
    compare(`step ${t + 1}`);
  }
  await exported.dispose();
  return parting;
}

/** The states, numbers as arrays of one. */
function numbersIn(state: State): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(statesOf(state)).map(([name, tree]) =>
      [name, typeof tree === "number" ? Float64Array.of(tree) : tree] as const
    ),
  );
}

function largest(actual: Record<string, unknown>, expected: Record<string, unknown>): Parting {
  const names = Object.keys(expected);
  if (names.join() !== Object.keys(actual).join()) {
    return { error: Infinity, place: `${Object.keys(actual)} and not ${names}` };
  }
  let worst: Parting = { error: 0, place: "" };
  for (const name of names) {
    const others = leavesOf(actual[name]);
    leavesOf(expected[name]).forEach(({ path, data, shape }, k) => {
      const [numbers, given] = [numbersOf(data), numbersOf(others[k].data)];
      if (`${shape}` !== `${others[k].shape}`) {
        worst = { error: Infinity, place: `${name}/${path} is of [${others[k].shape}]` };
      }
      const scale = Math.max(0, ...numbers.map(Math.abs).filter(Number.isFinite)) || 1;
      numbers.forEach((number, i) => {
        if (Object.is(number, given[i])) return;
        const error = Math.abs(number - given[i]) / scale;
        if (error <= worst.error) return;
        worst = { error, place: `${name}/${path}[${i}] is ${given[i]}, not ${number}` };
      });
    });
  }
  return worst;
}
