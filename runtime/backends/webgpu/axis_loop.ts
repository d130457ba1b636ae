/** Kernels of reductions over rows, columns or other axes of leaves. */
import type { Node } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import type { Accumulation, Loop } from "../../plan/plan.ts";
import type { Stored } from "../../trees/stored.ts";
import {
  CHUNK,
  chunkWords,
  type GroupPlan,
  HEAD,
  indented,
  type Kernel,
  kernel,
  ofLeaf,
} from "./kernel.ts";
import { Body } from "./loop_body.ts";
import { leavePart, Sum } from "./sums.ts";
import { WORKGROUP } from "./workgroup.ts";

/**
 * A reduction over some axes, or of what varies over some: a workgroup for each result. Its table is that
 * of a loop, with the number of results, the row and the position of each; the elements that a row
 * counts are those of one result.
 */
export function axisKernel(
  group: GroupPlan,
  loop: Loop,
  accumulation: Accumulation,
  computed: ReadonlySet<Node>,
  storedOf: (name: string) => Stored = () => "float32",
): Kernel {
  const { op, operand, extent, into } = accumulation;
  const body = new Body(group, loop.extent, 1, computed, storedOf);
  const value = body.inner.read(operand);
  const reduced = body.axes(loop.extent).filter((axis) => !body.axes(extent).includes(axis));
  const cell = "global" in into
    ? ""
    : extent === 0
    ? `own + ${ofLeaf.cell(into.cell)}u`
    : `c${into.cell} + result`;
  const text = `${CHUNK}
${HEAD}
${chunkWords("result")}
${indented([...body.head, ...body.outer.lines, ...body.apart("result", body.axes(extent))], 2)}
${indented(Sum.begin(op), 2)}
  for (var k = lane; k < count; k += ${WORKGROUP}u) {
${
    indented([
      ...body.apart("k", reduced),
      `let i = ${body.joined(loop.extent)};`,
      ...body.narrow,
      ...body.inner.lines,
      `let part = ${reduceOps[op].wgsl.part(value)};`,
      ...Sum.add(op, "part"),
    ], 4)
  }
  }
${indented(Sum.end(op), 2)}
  if (lane == 0u) {
    let size = f32(count);
${indented(leavePart(group, accumulation, "total", cell, "size"), 4)}
  }`;
  return kernel(1, WORKGROUP, { writesNumbers: true, arrays: body.arrays, partials: "none" }, text);
}
