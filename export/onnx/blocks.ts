/**
 * States in blocks of 8 bits, as a graph has them: codes and scales come in and go out, and between the bodies
 * of leaves they are float32. Tables say what codes stand for, and a search through limits finds them.
 */
import { BLOCK_SIZE, tablesOf } from "../../runtime/trees/block8.ts";
import type { Body, Made } from "./body.ts";
import { BodyScope } from "./scope.ts";

/** What follows the name of codes in the name of their scales. */
export const SCALES = "~scales";

const NUMBERS: Made = { kind: "next", name: "numbers" };

/** Makes numbers of the leaves `codes` and `scales`. */
export function readBlocks(isUnsigned: boolean): Body {
  const scope = new BodyScope(["codes", "scales"]);
  const [codes, scales] = [scope.leaf("codes"), scope.leaf("scales")];
  const table = scope.table(named("fractions", isUnsigned), tablesOf(isUnsigned).fractions);
  const fractions = scope.write("Gather", [table, indices(scope, codes)], "fractions of codes");
  const own = scope.write("Unsqueeze", [scales, scope.list([1])], "scales of blocks");
  const wide = scope.write("Expand", [own, scope.list([1, BLOCK_SIZE])], "scales in blocks");
  const shape = scope.write("Shape", [codes], "shape");
  const each = cut(scope, wide, codes, shape, "scale of each");
  scope.make("numbers", "Mul", [fractions, each]);
  return bodyOf(scope, [["numbers", NUMBERS]]);
}

/** What a table is called. */
function named(name: string, isUnsigned: boolean): string {
  return isUnsigned ? `unsigned ${name}` : name;
}

function indices(scope: BodyScope, codes: string): string {
  return scope.converted(codes, "uint8", "int32");
}

/** The first elements of whole blocks, as many as `like` has, in its shape. */
function cut(
  scope: BodyScope,
  blocks: string,
  like: string,
  shape: string,
  wanted: string,
): string {
  const flat = scope.write("Reshape", [blocks, scope.list([-1])], `${wanted} in turn`);
  const size = scope.write(
    "Reshape",
    [scope.write("Size", [like], "size"), scope.list([1])],
    "end",
  );
  const own = scope.write("Slice", [flat, scope.list([0]), size], `${wanted} but the last`);
  return scope.write("Reshape", [own, shape], wanted);
}

/** Makes `codes` and `scales` of the leaf `numbers`. */
export function storeBlocks(isUnsigned: boolean, opset: number): Body {
  const scope = new BodyScope(["numbers"]);
  const { limits, zero } = tablesOf(isUnsigned);
  const numbers = scope.leaf("numbers");
  const zero32 = scope.number(0, "float32");
  const write = (op: string, operands: readonly string[], wanted: string) =>
    scope.write(op, operands, wanted);

  const flat = write("Reshape", [numbers, scope.list([-1])], "in turn");
  const size = write("Shape", [flat], "size");
  const missing = write(
    "Mod",
    [write("Neg", [size], "-size"), scope.list([BLOCK_SIZE])],
    "missing",
  );
  const pads = scope.write("Concat", [scope.list([0]), missing], "pads", { axis: 0 });
  const blocks = write("Reshape", [
    write("Pad", [flat, pads], "padded"),
    scope.list([-1, BLOCK_SIZE]),
  ], "blocks");

  // The extremes of a block, of which NaN is told apart.
  const extreme = (op: string, value: string, wanted: string) =>
    opset < 18
      ? scope.write(op, [value], wanted, { axes: [1], keepdims: 1 })
      : scope.write(op, [value, scope.list([1])], wanted, { keepdims: 1 });
  const difference = write("Sub", [blocks, blocks], "0 or NaN");
  const isFinite = write("Equal", [difference, zero32], "is finite");
  const finite = write("Where", [isFinite, blocks, zero32], "finite or 0");
  const areFinite = extreme(
    "ReduceMin",
    scope.converted(isFinite, "bool", "float32"),
    "all are finite",
  );
  const greatest = write("Max", [extreme("ReduceMax", finite, "most"), zero32], "greatest");
  let scale = greatest;
  if (!isUnsigned) {
    const least = write("Min", [extreme("ReduceMin", finite, "fewest"), zero32], "least");
    const isAbove = write(
      "GreaterOrEqual",
      [greatest, write("Neg", [least], "-least")],
      "is above",
    );
    scale = write("Where", [isAbove, greatest, least], "extreme");
  }
  const isWhole = write("Greater", [areFinite, zero32], "is finite throughout");
  scale = write("Where", [isWhole, scale, scope.number(NaN, "float32")], "scale");

  // Where the scale is 0 or NaN, so is all.
  const quotient = write("Div", [blocks, scale], "quotient");
  const isNone = write("IsNaN", [quotient], "is no number");
  const ratio = write("Where", [isNone, zero32, quotient], "ratio");
  const magnitude = isUnsigned
    ? write("Max", [ratio, zero32], "magnitude")
    : write("Abs", [ratio], "magnitude");
  // How many limits are below it, by halves of those that are left.
  const table = scope.table(named("limits", isUnsigned), limits);
  let place: string | undefined;
  for (let half = 128; half >= 1; half /= 2) {
    const at = place === undefined
      ? scope.number(half - 1, "int32")
      : write("Add", [place, scope.number(half - 1, "int32")], "at");
    const limit = write("Gather", [table, at], "limit");
    const isBeyond = write("Greater", [magnitude, limit], "is beyond");
    const beyond = scope.converted(isBeyond, "bool", "int32");
    const step = write("Mul", [beyond, scope.number(half, "int32")], "step");
    place = place === undefined ? step : write("Add", [place, step], "place");
  }
  let code = place!;
  if (!isUnsigned) {
    const middle = scope.number(zero, "int32");
    const isBelow = write("Less", [ratio, zero32], "is below 0");
    // There is no -1.
    const below = write("Sub", [middle, write("Min", [place!, middle], "at most")], "below 0");
    code = write("Where", [isBelow, below, write("Add", [middle, place!], "from 0")], "code");
  }
  const shape = write("Shape", [numbers], "shape");
  scope.make("scales", "Reshape", [scale, scope.list([-1])]);
  scope.make(
    "codes",
    "Identity",
    [cut(scope, scope.converted(code, "int32", "uint8"), numbers, shape, "codes of numbers")],
  );
  return bodyOf(scope, [
    ["codes", { kind: "next", name: "codes" }],
    ["scales", { kind: "next", name: "scales" }],
  ]);
}

function bodyOf(scope: BodyScope, outputs: Body["outputs"]): Body {
  return { inputs: scope.inputs, outputs, nodes: scope.nodes, copies: new Map() };
}
