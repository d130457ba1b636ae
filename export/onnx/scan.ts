/**
 * Bodies that step a large leaf block by block: what they compute on the way, which is a pass over memory an
 * operator where leaves are whole, stays in the cache of a CPU.
 */
import type { ReduceOpName } from "../../dsl/node.ts";
import { matrixRow } from "../../dsl/ops.ts";
import type { Body, BodyKind } from "./body.ts";
import { node, type NodeInit, scan } from "./proto.ts";

/** How many elements a block has at best, at least and at most: 65536 of float32 are 256 KiB. */
const [BEST, FEWEST, MOST] = [65536, 16384, 262144];

/** How many elements a leaf has at least that is stepped in blocks. */
const LEAST = 2 ** 19;

/** How many elements each block of a leaf of `size` elements has; undefined where it stays whole. */
export function blockOf(size: number): number | undefined {
  if (size < LEAST) return undefined;
  const isFitting = (count: number) =>
    count >= size / MOST && count <= size / FEWEST && size % count === 0;
  const best = Math.round(size / BEST);
  for (let away = 0; best + away <= size / FEWEST; away++) {
    const count = [best - away, best + away].find(isFitting);
    if (count !== undefined) return size / count;
  }
  return undefined;
}

/** Whether leaves of a kind can be stepped in parts, which have nothing to do with each other but sums. */
export function isDivisible(
  { form, precision }: BodyKind,
  globals: readonly { readonly op: ReduceOpName }[],
): boolean {
  return precision === "float64" &&
    [...form.over.values()].every((extent) => extent === "element") &&
    [...form.extents].every(([{ op }, extent]) =>
      (extent === "element" || extent === "scalar") && op !== "Index" && !matrixRow(op)
    ) &&
    globals.every(({ op }, k) =>
      form.operands[k] === undefined || (op !== "ReduceMax" && op !== "ReduceMin")
    );
}

/** What `body` does to a leaf of a kind that is divisible, in blocks of so many elements. */
export function inBlocks(body: Body, block: number): Body {
  const arrays = body.inputs.flatMap(([name, { kind }]) =>
    kind === "leaf" || kind === "kept" ? [name] : []
  );
  const results = body.outputs.map(([name]) => name);
  // No text of a program reads like these.
  const [shape, shapeOfBlocks] = ["shape of the leaf", "shape of blocks"];
  const blocks = (name: string) => `blocks of ${name}`;
  const isOuter = new Set([...arrays, ...results]);
  const own = (name: string) => isOuter.has(name) ? `a block of ${name}` : name;
  const nodes = body.nodes.map((each): NodeInit => ({
    ...each,
    input: each.input!.map(own),
    output: each.output!.map(own),
    name: own(each.name!),
  }));
  const joined = body.outputs.map(([name, { kind }]) =>
    kind === "partial"
      ? node("ReduceSum", [blocks(name)], name, { keepdims: 0 })
      : node("Reshape", [blocks(name), shape], name)
  );
  return {
    ...body,
    inputs: [...body.inputs, [shapeOfBlocks, { kind: "list", values: [-1, block] }]],
    nodes: [
      ...arrays.map((name) => node("Reshape", [name, shapeOfBlocks], blocks(name))),
      scan(arrays.map(blocks), results.map(blocks), {
        name: "a block",
        inputs: arrays.map(own),
        outputs: results.map(own),
        nodes,
      }),
      ...joined.some(({ opType }) => opType === "Reshape")
        ? [node("Shape", [arrays[0]], shape)]
        : [],
      ...joined,
    ],
  };
}
