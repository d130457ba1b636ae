/**
 * Says in which phase each result is written: as soon as nothing later reads what it overwrites, in a loop
 * that is there anyway, so that arrays are gone through as seldom as can be.
 */
import type { Node } from "../../dsl/node.ts";
import { domain, type Extent, isMatrix } from "./extent.ts";
import type { Accumulation, Output } from "./loop.ts";
import type { Product } from "./products.ts";

/** What one phase does apart from writing results. */
export interface Work {
  readonly accumulations: readonly Accumulation[];
  /** What its loops leave for products and later phases. */
  readonly stored: readonly Node[];
  readonly products: readonly Product[];
  /** Whether its loops read a value that an earlier phase has left. */
  readonly isRead: (node: Node) => boolean;
}

/**
 * The phase of each of `outputs`. `overwritten` is the input that is lost when a target is written; `levels`
 * tell the first phase in which each value can be computed.
 */
export function placeOutputs(
  outputs: readonly Output[],
  overwritten: (target: string) => Node | undefined,
  work: readonly Work[],
  levels: ReadonlyMap<Node, number>,
  extents: ReadonlyMap<Node, Extent>,
): ReadonlyMap<Output, number> {
  const last = work.length - 1;
  const readIn = work.map(({ accumulations, stored, isRead }) =>
    inputsOf([...accumulations.map(({ operand }) => operand), ...stored], isRead)
  );
  const factorsIn = work.map(({ products }) =>
    new Set(products.flatMap(({ factors }) => factors.map(({ node }) => node)))
  );
  const looped = work.map(({ accumulations, stored }) =>
    new Set(
      [...accumulations.map(({ operand }) => operand), ...stored].map((node) =>
        domain(extents.get(node)!)
      ),
    )
  );
  const read = new Map(
    outputs.map((
      output,
    ) => [output, inputsOf([output.node], work[levels.get(output.node)!].isRead)]),
  );
  const places = new Map(outputs.map((output) => [output, levels.get(output.node)!]));
  for (let hasMoved = true; hasMoved;) {
    hasMoved = false;
    for (const output of outputs) {
      const place = placeOf(output);
      if (place === places.get(output)) continue;
      places.set(output, place);
      hasMoved = true;
    }
  }
  return places;

  function placeOf(output: Output): number {
    // What is narrow is written when all loops are done.
    if (!isMatrix(output.extent)) return last;
    const lost = overwritten(output.target);
    let place = places.get(output)!;
    if (lost !== undefined) {
      for (const [other, inputs] of read) {
        if (inputs.has(lost)) place = Math.max(place, places.get(other)!);
      }
      for (let phase = place; phase <= last; phase++) {
        if (readIn[phase].has(lost)) place = phase;
        // Products come after the loops of their phase.
        if (factorsIn[phase].has(lost)) place = phase + 1;
      }
    }
    while (place < last && !looped[place].has(output.extent)) place++;
    return place;
  }
}

/** The inputs that `roots` are computed from, where what `isRead` is not computed. */
function inputsOf(roots: readonly Node[], isRead: (node: Node) => boolean): ReadonlySet<Node> {
  const inputs = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [...roots];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.op === "Symbol") inputs.add(node);
    else if (!isRead(node)) stack.push(...node.src);
  }
  return inputs;
}
