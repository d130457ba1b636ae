/** Sequences of tensors, and branches whose condition is known, are gone where a model is trained. */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
} from "onnx-buf";
import { node, type NodeInit, valueInfo } from "../../../export/onnx/proto.ts";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../../assert.ts";
import { opened } from "./driver.ts";
import { type Numbers, writtenModel } from "./written.ts";

const one = valueInfo("total", "float32", []);
const whole = (...values: number[]): Numbers => ({ shape: [], values, type: "int64" });
const list = (...values: number[]): Numbers => ({
  shape: [values.length],
  values,
  type: "int64",
});

/** The gradients of Σ y² where nodes make `y` of the parameter `p`, 1, 2, 3 … of a shape. */
async function gradientOf(
  shape: readonly number[],
  nodes: NodeInit[],
  initializers: Readonly<Record<string, Numbers>>,
): Promise<{ gradient: number[]; ops: Set<string> }> {
  const length = shape.reduce((a, b) => a * b, 1);
  const model = writtenModel({
    output: [one],
    initializers: {
      p: { shape, values: Array.from({ length }, (_, i) => i + 1) },
      ...initializers,
    },
    node: [
      ...nodes,
      node("Mul", ["y", "y"], "yy"),
      node("ReduceSum", ["yy"], "total", { keepdims: 0 }),
    ],
  });
  const bytes = withGradients(model, { loss: lossOutput("total"), params: ["p"] });
  const [own, made] = await Promise.all([opened(model), opened(bytes)]);
  const [{ total }, results] = [await own.run({}), await made.run({})];
  await Promise.all([own.release(), made.release()]);
  assertAlmostEquals(Number(results.loss.data[0]), Number(total.data[0]), 1e-4);
  const ops = new Set(fromBinary(ModelProtoSchema, bytes).graph!.node.map(({ opType }) => opType));
  return { gradient: Array.from(results["grad/p"].data as Float32Array), ops };
}

Deno.test("a part of a split has a gradient where it was taken, and no sequence is left", async () => {
  const taken = node("SequenceAt", ["parts", "place"], "y");
  const { gradient, ops } = await gradientOf([2, 5], [
    node("SplitToSequence", ["p", "sizes"], "parts", { axis: 1 }),
    taken,
  ], { sizes: list(2, 3), place: whole(-1) });
  assertEquals(gradient, [0, 0, 6, 8, 10, 0, 0, 16, 18, 20]);
  assert([...ops].every((op) => !op.includes("Sequence")), [...ops].join());
  const chunks = await gradientOf([5, 1], [
    node("SplitToSequence", ["p", "sizes"], "parts", { axis: 0 }),
    taken,
  ], { sizes: whole(2), place: whole(2) });
  assertEquals(chunks.gradient, [0, 0, 0, 0, 10]);
  const rows = await gradientOf([3, 2], [
    node("SplitToSequence", ["p"], "parts", { axis: 0, keepdims: 0 }),
    taken,
  ], { place: whole(1) });
  assertEquals(rows.gradient, [0, 0, 6, 8, 0, 0]);
});

Deno.test("elements of a sequence that is built and joined have their gradients", async () => {
  const { gradient, ops } = await gradientOf([2], [
    node("Mul", ["p", "constant"], "q"),
    node("SequenceConstruct", ["p", "p"], "two"),
    node("SequenceInsert", ["two", "q", "place"], "many"),
    node("SequenceErase", ["many", "last"], "fewer"),
    node("ConcatFromSequence", ["fewer"], "y", { axis: 1, new_axis: 1 }),
  ], { place: whole(0), last: whole(-1), constant: { shape: [], values: [3] } });
  assertEquals(gradient, [2 + 18, 4 + 36]);
  assert([...ops].every((op) => !op.includes("Sequence")), [...ops].join());
});

/** An If of which each branch multiplies `p` by a number that only it has. */
function branching(condition: string): NodeInit {
  const branch = (factor: number) =>
    create(GraphProtoSchema, {
      name: "branch",
      initializer: [{ name: "f", dataType: 1, floatData: [factor] }],
      node: [node("Mul", ["p", "f"], "out")],
      output: [valueInfo("out", "float32", [2])],
    });
  const graph = (name: string, factor: number) => ({
    name,
    type: AttributeType.GRAPH,
    g: branch(factor),
  });
  return {
    opType: "If",
    name: "y",
    input: [condition],
    output: ["y"],
    attribute: [graph("then_branch", 3), graph("else_branch", 5)],
  };
}

Deno.test("an If whose condition follows from shapes is the branch that is taken", async () => {
  for (const [size, factor] of [[2, 3], [4, 5]]) {
    const { gradient, ops } = await gradientOf([2], [
      node("Shape", ["p"], "shape"),
      node("Equal", ["shape", "size"], "isOfSize"),
      branching("isOfSize"),
    ], { size: list(size) });
    assertEquals(gradient, [2 * factor ** 2, 4 * factor ** 2]);
    assert(!ops.has("If"));
  }
});

/** A Loop whose rounds multiply what they carry by `p`, and give what they were given and the number of the round. */
function looping(times: string, goesOn: NodeInit): NodeInit {
  const body = create(GraphProtoSchema, {
    name: "body",
    input: [
      valueInfo("i", "int64", []),
      valueInfo("go", "bool", []),
      valueInfo("v", "float32", [2]),
    ],
    node: [
      goesOn,
      node("Mul", ["v", "p"], "next"),
      node("Cast", ["i"], "round", { to: 1 }),
      node("Add", ["v", "round"], "row"),
    ],
    output: [
      valueInfo("goOn", "bool", []),
      valueInfo("next", "float32", [2]),
      valueInfo("row", "float32", [2]),
    ],
  });
  return {
    opType: "Loop",
    name: "loop",
    input: [times, "", "p"],
    output: ["last", "rows"],
    attribute: [{ name: "body", type: AttributeType.GRAPH, g: body }],
  };
}
const onAndOn = node("Identity", ["go"], "goOn");

Deno.test("a Loop of a known number of rounds is written out", async () => {
  const loop = looping("times", onAndOn);
  const last = await gradientOf([2], [loop, node("Identity", ["last"], "y")], { times: whole(3) });
  assertEquals(last.gradient, [8, 8 * 2 ** 7]); // (p⁴)²
  assert(!last.ops.has("Loop"));
  const rows = await gradientOf([2], [loop, node("Identity", ["rows"], "y")], { times: whole(2) });
  // p² + (p² + 1)²
  assertEquals(rows.gradient, [2 + 2 * 2 * 2, 2 * 2 + 2 * 5 * 4]);
});

Deno.test("an If whose condition is not known, and a Loop whose end is not, are refused by name", () => {
  const refused = (nodes: NodeInit[], message: string) =>
    assertThrows(
      () =>
        withGradients(
          writtenModel({
            input: [valueInfo("isSo", "bool", []), valueInfo("times", "int64", [])],
            output: [one],
            initializers: {
              p: { shape: [2], values: [1, 2] },
              three: whole(3),
              many: whole(10 ** 6),
            },
            node: [...nodes, node("ReduceSum", ["y"], "total", { keepdims: 0 })],
          }),
          { loss: lossOutput("total"), params: ["p"] },
        ),
      GradusError,
      message,
    );
  refused([branching("isSo")], "operator If at `y`: no gradient goes into a graph inside here");
  const y = node("Identity", ["last"], "y");
  const length =
    "operator Loop at `loop`: no gradient goes into a loop of other than a known number";
  refused([looping("times", onAndOn), y], length);
  refused([looping("many", onAndOn), y], length);
  const byData = node("Identity", ["isSo"], "goOn");
  refused([looping("three", byData), y], "a loop whose end depends on data");
});
