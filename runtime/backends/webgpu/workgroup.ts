/**
 * What the threads of a workgroup share, and how they join what each of them has: by shuffles within subgroups
 * where the device has them, and through memory where it has not.
 */
import type { ReduceOpName } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import type { Features } from "./features.ts";

/** How many numbers a kernel's `V` holds. */
export type Width = 1 | 4;

/** Threads that work together. */
export const WORKGROUP = 256;
/** So many terms are added one by one, then so many of such sums: no term is added to many others. */
export const FEW = 16;

/** The memory that they share, by name: of which type, and how many each. */
const SHARED: Readonly<Record<string, readonly [type: string, each: number]>> = {
  lanes: ["vec2<f32>", 1],
  lefts: ["f32", 4],
  rights: ["f32", 4],
  shares: ["f32", 1],
  sizes: ["vec2<u32>", 1],
};

/** How two values are joined to one, what changes none, and the way of a value into memory and back. */
interface Joining {
  readonly type: string;
  readonly shared: keyof typeof SHARED;
  both(a: string, b: string): string;
  readonly none: string;
  to(value: string): string;
  from(kept: string): string;
}

/** The element that changes no reduction. */
export function neutral(op: ReduceOpName): string {
  const value = reduceOps[op].start;
  return value === 0 ? "V(0f)" : `V(values[${value === Infinity ? 0 : 1}])`;
}

/** The start of a reduction, whatever it is. */
export function start(op: ReduceOpName): string {
  return reduceOps[op].wgsl.part(neutral(op));
}

/** A call that joins the parts that threads have in `name`: all of them must come there, and all get the whole. */
export function joined(op: ReduceOpName, name: string): string {
  return `joined${op}(${name}, lane)`;
}

/** What kernels may call or name, of a workgroup. */
export function workgroupText(width: Width, { subgroups }: Features): Record<string, string> {
  const join = subgroups ? bySubgroups : byMemory;
  const parts = Object.entries(reduceOps).map(([op, { wgsl: { combine } }]) => {
    const how: Joining = {
      ...{ type: "Part", shared: "lanes", both: combine, none: start(op as ReduceOpName) },
      to: (part) => `pairOf(${part})`,
      from: (pair) => `partOf(${pair})`,
    };
    const first = width === 1 ? [] : [
      `let turned = Part(given.scale.zwxy, given.value.zwxy);`,
      `let two = ${combine("given", "turned")};`,
      `let other = Part(two.scale.yxwz, two.value.yxwz);`,
      `var own = ${combine("two", "other")};`,
    ];
    return [`joined${op}`, join(`joined${op}`, how, first)];
  });
  const of = (both: Joining["both"], none: string): Joining => ({
    ...{ type: "f32", shared: "shares", both, none, to: (x) => x, from: (x) => x },
  });
  const lane = width === 1 ? "" : ".x";
  return {
    ...Object.fromEntries(
      Object.entries(SHARED).map(([name, [type, each]]) => [
        name,
        `var<workgroup> ${name}: array<${type}, ${each * WORKGROUP}>;`,
      ]),
    ),
    pairOf: `fn pairOf(part: Part) -> vec2<f32> {
  return vec2<f32>(part.scale${lane}, part.value${lane});
}`,
    partOf: `fn partOf(pair: vec2<f32>) -> Part {
  return Part(V(pair.x), V(pair.y));
}`,
    ...Object.fromEntries(parts),
    joinedSum: join("joinedSum", of((a, b) => `${a} + ${b}`, "0f")),
    // Of exponents, which are far above this.
    joinedMost: join("joinedMost", of((a, b) => `max(${a}, ${b})`, "-3.4e38f")),
  };
}

/** A tree of pairs, each level through memory. */
function byMemory(name: string, how: Joining, first: readonly string[] = []): string {
  const { type, shared, both, to, from } = how;
  return `fn ${name}(given: ${type}, lane: u32) -> ${type} {
  ${beginning(first)}
  ${shared}[lane] = ${to("own")};
  workgroupBarrier();
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) {
      let mine = ${from(`${shared}[lane]`)};
      let theirs = ${from(`${shared}[lane + half]`)};
      let two = ${both("mine", "theirs")};
      ${shared}[lane] = ${to("two")};
    }
    workgroupBarrier();
  }
  let whole = ${from(`${shared}[0]`)};
  workgroupBarrier();
  return whole;
}`;
}

/**
 * A tree of pairs within each subgroup, by shuffles; then each subgroup joins what all of them came to. Which threads
 * make up a subgroup is left open by WGSL, so none of them goes by the numbers of others: the first of a subgroup
 * leaves its sum at its own place, the others what changes nothing.
 */
function bySubgroups(name: string, how: Joining, first: readonly string[] = []): string {
  const { type, shared, both, none, to, from } = how;
  const shuffles = `for (var by = 1u; by < together; by <<= 1u) {
    let theirs = ${from(`subgroupShuffleXor(${to("own")}, by)`)};
    own = ${both("own", "theirs")};
  }`;
  const step = `${FEW}u * together`;
  return `fn ${name}(given: ${type}, lane: u32) -> ${type} {
  ${beginning(first)}
  ${shuffles}
  if (numberInSubgroup != 0u) {
    own = ${none};
  }
  ${shared}[lane] = ${to("own")};
  workgroupBarrier();
  own = ${none};
  for (var first = numberInSubgroup; first < ${WORKGROUP}u; first += ${step}) {
    var few = ${from(`${shared}[first]`)};
    for (var at = first + together; at < min(${WORKGROUP}u, first + ${step}); at += together) {
      let next = ${from(`${shared}[at]`)};
      few = ${both("few", "next")};
    }
    own = ${both("own", "few")};
  }
  workgroupBarrier();
  ${shuffles}
  return own;
}`;
}

function beginning(first: readonly string[]): string {
  return (first.length === 0 ? ["var own = given;"] : first).join("\n  ");
}

/**
 * What tells threads of their subgroup. One that is not full is not shuffled: there each thread goes by itself, as if
 * it were a subgroup.
 */
export const SUBGROUPS = {
  enable: `enable subgroups;
diagnostic(off, subgroup_uniformity);
`,
  variables: `var<private> together: u32;
var<private> numberInSubgroup: u32;
`,
  parameters: `  @builtin(subgroup_size) ofSubgroup: u32,
  @builtin(subgroup_invocation_id) inSubgroup: u32,
`,
  head: `  let isFull = subgroupAdd(1u) == ofSubgroup;
  together = select(1u, ofSubgroup, isFull);
  numberInSubgroup = select(0u, inSubgroup, isFull);
`,
} as const;
