/**
 * Bodies that step a large leaf slice by slice: what they compute on the way, which is a pass over memory an
 * operator where leaves are whole, stays in the cache of a CPU.
 */
import type { ReduceOpName } from "../../dsl/node.ts";
import { matrixRow } from "../../dsl/ops.ts";
import type { Body, BodyKind } from "./body.ts";
import { node, type NodeInit, scan } from "./proto.ts";

/** How many elements a slice has at best, at least and at most: the best, of float32, are half a mebibyte. */
const [BEST, FEWEST, MOST] = [2 ** 17, 2 ** 15, 2 ** 18];

/** How many elements a leaf has at least that is stepped in slices. */
const LEAST = 2 ** 20;

/** How many elements each slice of a leaf of `size` elements has; undefined where it stays whole. */
export function sliceOf(size: number): number | undefined {
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

/** Whether leaves of a kind can be stepped in parts, which have nothing to do with each other but sums in float64. */
export function isDivisible(
  { form }: BodyKind,
  globals: readonly { readonly op: ReduceOpName }[],
): boolean {
  return [...form.over.values()].every((extent) => extent === "element") &&
    [...form.extents].every(([{ op }, extent]) =>
      (extent === "element" || extent === "scalar") && op !== "Index" && !matrixRow(op)
    ) &&
    globals.every(({ op }, k) =>
      form.operands[k] === undefined || (op !== "ReduceMax" && op !== "ReduceMin")
    );
}

/** What `body` does to a leaf of a kind that is divisible, in slices of so many elements. */
export function inSlices(body: Body, slice: number): Body {
  const arrays = body.inputs.flatMap(([name, { kind }]) =>
    kind === "leaf" || kind === "kept" ? [name] : []
  );
  if (arrays.length === 0) return body;
  const results = body.outputs.map(([name]) => name);
  // No text of a program reads like these.
  const [shape, shapeOfSlices] = ["shape of the leaf", "shape of slices"];
  const slices = (name: string) => `slices of ${name}`;
  const isOuter = new Set([...arrays, ...results]);
  const own = (name: string) => isOuter.has(name) ? `a slice of ${name}` : name;
  const nodes = body.nodes.map((each): NodeInit => ({
    ...each,
    input: each.input!.map(own),
    output: each.output!.map(own),
    name: own(each.name!),
  }));
  const joined = body.outputs.map(([name, { kind }]) =>
    kind === "partial"
      ? node("ReduceSum", [slices(name)], name, { keepdims: 0 })
      : node("Reshape", [slices(name), shape], name)
  );
  return {
    ...body,
    inputs: [...body.inputs, [shapeOfSlices, { kind: "list", values: [-1, slice] }]],
    nodes: [
      ...arrays.map((name) => node("Reshape", [name, shapeOfSlices], slices(name))),
      scan(arrays.map(slices), results.map(slices), {
        name: "a slice",
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
