/** Kernels that join what loops leave, and those of what is one number a leaf or one for the tree. */
import type { Node, ReduceOpName } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import type { Accumulation, Loop } from "../../plan/plan.ts";
import {
  CHUNK,
  type GroupPlan,
  HEAD,
  HEADER,
  indented,
  type Kernel,
  kernel,
  numberSource,
  ofLeaf,
  ofTree,
  roundingOf,
  ROW,
  shapeOf,
  storedOfTensor,
} from "./kernel.ts";
import { bitsOf, codesOf, isPacked } from "./storage.ts";
import { leavePart, Sum } from "./sums.ts";
import { WORKGROUP } from "./workgroup.ts";
import { Writer } from "./write.ts";

/**
 * Joins the sums of chunks, a workgroup a leaf. Its table has the number of leaves and four words for
 * each: its first chunk, its chunks, its elements, and where its numbers are.
 */
export function reduceKernel(group: GroupPlan, accumulations: readonly Accumulation[]): Kernel {
  const each = accumulations.length;
  const joined = accumulations.flatMap((accumulation, k) => {
    const { op, into } = accumulation;
    const cell = "cell" in into ? `own + ${ofLeaf.cell(into.cell)}u` : "";
    const lines = [
      ...Sum.begin(op),
      `for (var i = lane; i < chunks; i += ${WORKGROUP}u) {`,
      `  let left = partials[(first + i) * ${each}u + ${k}u];`,
      `  let part = Part(left.x, left.y);`,
      ...Sum.add(op, "part").map((line) => `  ${line}`),
      `}`,
      ...Sum.end(op),
      `if (lane == 0u) {`,
      ...leavePart(group, accumulation, "total", cell, "size").map((line) => `  ${line}`),
      `}`,
    ];
    return ["{", ...lines.map((line) => `  ${line}`), "}"];
  });
  const word = (k: number) => `table[${HEADER + k}u + 4u * chunk]`;
  const body = `${CHUNK}
  let first = ${word(0)};
  let chunks = ${word(1)};
  let size = f32(${word(2)});
  let own = ${word(3)};
${indented(joined, 2)}`;
  return kernel(1, WORKGROUP, { writesNumbers: true, arrays: [], partials: "read" }, body);
}

/** What is one number a leaf, a thread a leaf. Its table has the number of leaves, and of each where its numbers are, and its own. */
export function tensorKernel(group: GroupPlan, { accumulations, outputs }: Loop): Kernel {
  const writer = new Writer("s", numberSource(group), group.counts);
  const written = [
    ...accumulations.flatMap((accumulation, k) => {
      const { op, operand, into } = accumulation;
      const cell = "cell" in into ? `own + ${ofLeaf.cell(into.cell)}u` : "";
      writer.lines.push(`let a${k} = ${reduceOps[op].wgsl.part(writer.read(operand))};`);
      return leavePart(group, accumulation, `a${k}`, cell, "1f");
    }),
    ...outputs.flatMap(({ target, node }, k) => {
      const place = ofLeaf.after(group, group.perTensor.indexOf(target));
      const stored = storedOfTensor(group, target);
      const value = writer.read(node);
      if (!isPacked(stored)) return [`values[own + ${place}u] = ${value};`];
      const four = `vec4<f32>(${value}, 0f, 0f, 0f)`;
      const words = roundingOf(group, target);
      return [
        `let c${k} = ${codesOf(stored, four, "vec4<u32>(0u, 1u, 2u, 3u)", words)}.x;`,
        ...bitsOf(stored, `c${k}`).map((bits, part) =>
          `values[own + ${place + part}u] = bitcast<f32>(${bits});`
        ),
      ];
    }),
  ];
  const body = `  let at = (id.x + id.y * ${ROW}u) * ${WORKGROUP}u + lane;
  if (at >= table[0]) {
    return;
  }
${HEAD}
  let own = table[${HEADER}u + 2u * at];
  let leaf = table[${HEADER + 1}u + 2u * at];
${indented(writer.lines, 2)}
${indented(written, 2)}`;
  return kernel(1, WORKGROUP, shapeOf([], true), body);
}

/**
 * Joins one reduction over the tree from its leaves. Its table has the number of leaves, the number of
 * elements as the bits of a float32, and where each leaf's part is.
 */
export function treeKernel(op: ReduceOpName, k: number): Kernel {
  const body = `  let globals = table[2];
  let size = bitcast<f32>(table[3]);
${indented(Sum.begin(op), 2)}
  for (var i = lane; i < table[0]; i += ${WORKGROUP}u) {
    let place = table[${HEADER}u + i];
    let part = Part(values[place], values[place + 1u]);
${indented(Sum.add(op, "part"), 4)}
  }
${indented(Sum.end(op), 2)}
  if (lane == 0u) {
    values[globals + ${ofTree.global(k)}u] = ${reduceOps[op].wgsl.finish("total", "size")};
  }`;
  return kernel(1, WORKGROUP, shapeOf([], true), body);
}

/** The states kept once for the tree, by one thread. */
export function stateKernel(group: GroupPlan): Kernel {
  const { plan, ofData, counts, globals } = group;
  const writer = new Writer("s", numberSource(group), group.counts);
  const values = ofData.map((name) => {
    const next = plan.treeStates.get(name) as Node;
    return counts.names.has(name) ? `bitcast<f32>(${writer.readWhole(next)})` : writer.read(next);
  });
  const body = `${HEAD}
${indented(writer.lines, 2)}
${
    indented(
      values.map((value, i) =>
        `values[globals + ${ofTree.after(globals, ofData.length, i)}u] = ${value};`
      ),
      2,
    )
  }`;
  return kernel(1, 1, shapeOf([], true), body);
}
