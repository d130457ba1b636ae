/** The passes of a plan: each loop over elements or axes, a function of its own in the kernel. */
import { postorder } from "../../../dsl/node.ts";
import { varyingAxes } from "../../plan/extent.ts";
import { type Accumulation, type Loop, operandsOf, type Plan } from "../../plan/plan.ts";

/** One loop as the kernel runs it. */
export interface Pass {
  /** The phase it is in. */
  readonly phase: number;
  readonly loop: Loop;
  /** How it goes through the axes, where it meets values that vary over some of them. */
  readonly axes: PassAxes | undefined;
}

/** The axes of a loop, those next to each other taken together that no value tells apart. */
export interface PassAxes {
  /** The axes taken together, by the loops around each other that they make, the innermost last. */
  readonly groups: readonly (readonly number[])[];
  /** Whether it accumulates results that vary over axes, which must be done from its first element on. */
  readonly isAccumulating: boolean;
}

const passes = new WeakMap<Plan, readonly Pass[]>();

/** The passes of a plan, in order; what is one value a tensor is computed on the host. */
export function passesOf(plan: Plan): readonly Pass[] {
  let known = passes.get(plan);
  if (known === undefined) {
    known = plan.phases.flatMap((loops, phase) =>
      loops.filter(({ extent }) => extent !== 0).flatMap(apart)
        .map((loop): Pass => ({ phase, loop, axes: passAxes(plan, loop) }))
    );
    passes.set(plan, known);
  }
  return known;
}

/** Whether an accumulation goes by blocks of elements, towards one result. */
export function isBlocked({ extent }: Accumulation): boolean {
  return extent === 0;
}

// Blocks of elements are taken in any order and by any thread; what varies over axes is not.
function apart(loop: Loop): Loop[] {
  const blocked = loop.accumulations.filter(isBlocked);
  if (blocked.length === 0 || blocked.length === loop.accumulations.length) return [loop];
  const others = loop.accumulations.filter((each) => !isBlocked(each));
  const part = (each: Pick<Loop, "accumulations" | "kept" | "outputs">): Loop => {
    const { accumulations, kept, outputs } = each;
    const made = [
      ...accumulations.map(({ operand }) => operand),
      ...outputs.map(({ node }) => node),
    ];
    const needed = new Set(postorder([...made, ...kept]));
    return { ...loop, ...each, nodes: loop.nodes.filter((node) => needed.has(node)) };
  };
  // Results come last, since they are written over what both read.
  return [
    part({ accumulations: others, kept: loop.kept, outputs: [] }),
    part({ accumulations: blocked, kept: [], outputs: loop.outputs }),
  ];
}

function passAxes(plan: Plan, loop: Loop): PassAxes | undefined {
  const masks = [
    ...operandsOf(loop).map((node) => plan.extents.get(node)),
    ...loop.accumulations.map(({ extent }) => extent),
    loop.extent,
  ].filter((extent): extent is number => typeof extent === "number" && extent !== 0);
  if (masks.length === 0) return undefined;
  const groups: number[][] = [];
  for (const axis of varyingAxes(loop.extent, plan.rank)) {
    const last = groups.at(-1)?.at(-1);
    const has = (mask: number, which: number) => (mask & (1 << which)) !== 0;
    if (last !== undefined && masks.every((mask) => has(mask, last) === has(mask, axis))) {
      groups.at(-1)!.push(axis);
    } else groups.push([axis]);
  }
  return { groups, isAccumulating: !loop.accumulations.every(isBlocked) };
}
