/** Kernels of loops over the elements of leaves, which reduce some on their way. */
import type { Node, ReduceOpName } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import type { Loop } from "../../plan/plan.ts";
import { dtypeOf, type Stored } from "../../trees/stored.ts";
import {
  CHUNK,
  chunkWords,
  type GroupPlan,
  HEAD,
  indented,
  type Kernel,
  kernel,
  roundingOf,
  temporary,
  VECTORS,
} from "./kernel.ts";
import { Body } from "./loop_body.ts";
import { codesOf, isPacked, writeBlock, writeFour } from "./storage.ts";
import { joined, neutral, start, type Width, WORKGROUP } from "./workgroup.ts";

/**
 * The loop over a group's leaves: a workgroup takes a chunk of one leaf. Its table has the number of
 * chunks, two words a chunk (the row of its leaf and the vector it begins at), and the rows: vectors,
 * elements, where the leaf's numbers are, the elements before what is bound, where each array begins;
 * where axes matter, how long each is and where each reduction's results are; and, where random numbers
 * are drawn, the leaf's number in the tree.
 */
export function elementKernel(
  group: GroupPlan,
  loop: Loop,
  width: Width,
  computed: ReadonlySet<Node> = new Set(loop.nodes),
  storedOf: (name: string) => Stored = () => "float32",
): Kernel & { readonly byFours: boolean } {
  const { accumulations, stored, outputs, extent } = loop;
  const body = new Body(group, extent, width, computed, storedOf);
  const { inner, outer } = body;
  const operands = accumulations.map(({ operand }) => inner.read(operand));
  const written = [
    ...stored.map((node) => [temporary(group.plan.temporaries.placeOf.get(node)!), node] as const),
    ...outputs.map(({ target, node }) => [target === "" ? group.out : target, node] as const),
  ];
  const results = written.filter(([name]) => !isPacked(storedOf(name))).map(([name, node]) =>
    `${body.element(name, extent)} = ${inner.read(node)};`
  );
  const packed = written.filter(([name]) => isPacked(storedOf(name))).map(([name, node], k) => ({
    ...{ name, four: `y${k}`, value: inner.read(node) },
    parts: body.parts(name, extent),
  }));
  const byFours = packed.length > 0 || width === 4;
  const narrow = body.narrow.length === 0 ? [] : [
    `let position = i + before;`,
    ...body.apart("position", body.axes(extent)),
    ...body.narrow,
  ];
  const position = width === 1 ? "elements > i" : "U(i * 4u) + U(0u, 1u, 2u, 3u) < U(elements)";
  const sums = accumulations.flatMap(({ op }, k) => [
    `let b${k} = select(${neutral(op)}, ${operands[k]}, ${position});`,
    `let p${k} = ${reduceOps[op].wgsl.part(`b${k}`)};`,
    `a${k} = ${reduceOps[op].wgsl.combine(`a${k}`, `p${k}`)};`,
  ]);
  const one = [
    ...narrow,
    ...inner.lines,
    ...sums,
    ...results,
    ...packed.map(({ four, value }) => `${four}${width === 1 ? "[e]" : ""} = ${value};`),
  ];
  // What is written as words is collected, four numbers of a thread.
  const elements = "vec4<u32>(before + 4u * quad) + vec4<u32>(0u, 1u, 2u, 3u)";
  const loopLines = packed.length === 0
    ? [
      `let i = first + k * ${WORKGROUP}u + lane;`,
      `if (i < count) {`,
      ...one.map((line) => `  ${line}`),
      `}`,
    ]
    : [
      `let quad = first + k * ${WORKGROUP}u + lane;`,
      ...packed.map(({ four }) => `var ${four} = vec4<f32>();`),
      ...(width === 4 ? [`let i = quad;`, `if (i < count) {`] : [
        `for (var e = 0u; e < 4u && 4u * quad + e < elements; e++) {`,
        `  let i = 4u * quad + e;`,
      ]),
      ...one.map((line) => `  ${line}`),
      `}`,
      ...packed.flatMap(({ name, four, parts }, k) => {
        const stored = storedOf(name);
        if (dtypeOf(stored) === "block8") {
          // Those behind the last would count.
          const mine = `4u * quad + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(elements)`;
          return [
            `${four} = select(vec4<f32>(), ${four}, ${mine});`,
            ...writeBlock(stored, parts, four, "quad", "quad < count"),
          ];
        }
        const codes = codesOf(stored, four, elements, roundingOf(group, name));
        return [
          `if (quad < count) {`,
          `  let c${k} = ${codes};`,
          ...writeFour(stored, parts, "quad", `c${k}`).map((line) => `  ${line}`),
          `}`,
        ];
      }),
    ];
  const text = `${CHUNK}
${HEAD}
${chunkWords("first")}
${indented([...body.head, ...outer.lines], 2)}
${indented(accumulations.map(({ op }, k) => `var a${k} = ${start(op)};`), 2)}
  for (var k = 0u; k < ${VECTORS}u; k++) {
${indented(loopLines, 4)}
  }
${indented(accumulations.flatMap(({ op }, k) => leave(op, k, accumulations.length)), 2)}`;
  const shape = {
    writesNumbers: false,
    arrays: body.arrays,
    partials: accumulations.length > 0 ? "written" : "none",
  } as const;
  return { ...kernel(width, WORKGROUP, shape, text), byFours };
}

/** Leaves the sum of a chunk. */
function leave(op: ReduceOpName, k: number, each: number): string[] {
  return [
    `let whole${k} = ${joined(op, `a${k}`)};`,
    `if (lane == 0u) {`,
    `  partials[(table[3] + chunk) * ${each}u + ${k}u] = pairOf(whole${k});`,
    `}`,
  ];
}
