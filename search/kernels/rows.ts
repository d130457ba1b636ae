/** What networks do to rows of numbers, as WebAssembly on four float32 at a time: norms, softmax, activations. */
import { Code, type Local } from "../../runtime/backends/wasm/code.ts";
import type { Module } from "../../runtime/backends/wasm/module.ts";
import { addRoutine, routineTypes } from "../../runtime/backends/wasm/math.ts";
import { offset } from "./product.ts";

/** Keeps a root mean square from 0. */
const EPS = 1e-5;

/**
 * A function of the addresses of results, normalized rows, factors, rows and gain, and of the number of rows:
 * a row x gives its factor r = 1/√(mean(x²) + 1e-5), what it is normalized, r x, and the result, gain · r x.
 */
export function rootMeanSquareNorm(name: string, width: number): Code {
  const code = functionOf(name, 6);
  const [to, normalized, factors, from, gain, count] = parameters(code, 6);
  const [x, sum] = vectorsOf(code, 2);
  overRows(code, count, () => {
    code.splat("f32x4", 0).set(sum);
    overVectors(width, (at) => {
      code.get(from).memory("v128.load", at).tee(x).get(x).op("f32x4.mul");
      code.get(sum).op("f32x4.add").set(sum);
    });
    across(code, sum, "f32x4.add");
    code.splat("f32x4", 1).get(sum).splat("f32x4", width).op("f32x4.div");
    code.splat("f32x4", EPS).op("f32x4.add", "f32x4.sqrt", "f32x4.div").set(sum);
    code.get(factors).get(sum).lane("f32x4.extract_lane", 0).memory("f32.store");
    overVectors(width, (at) => {
      code.get(normalized).get(from).memory("v128.load", at).get(sum).op("f32x4.mul").tee(x);
      code.memory("v128.store", at);
      code.get(to).get(x).get(gain).memory("v128.load", at).op("f32x4.mul").memory(
        "v128.store",
        at,
      );
    });
    for (const each of [to, normalized, from]) offset(code, each, 4 * width, each);
    offset(code, factors, 4, factors);
  });
  return code;
}

/**
 * A function of the addresses of the rows' gradients, the gain's gradient, the results' gradients, normalized
 * rows, factors and gain, and of the number of rows. Both gradients are added to what is there.
 */
export function rootMeanSquareNormGradient(name: string, width: number): Code {
  const code = functionOf(name, 7);
  const [to, toGain, from, normalized, factors, gain, count] = parameters(code, 7);
  const [slope, x, sum, factor] = vectorsOf(code, 4);
  overRows(code, count, () => {
    code.splat("f32x4", 0).set(sum);
    overVectors(width, (at) => {
      code.get(from).memory("v128.load", at).get(normalized).memory("v128.load", at);
      code.op("f32x4.mul").set(x);
      code.get(toGain).get(toGain).memory("v128.load", at).get(x).op("f32x4.add");
      code.memory("v128.store", at);
      code.get(sum).get(x).get(gain).memory("v128.load", at).op("f32x4.mul", "f32x4.add").set(sum);
    });
    across(code, sum, "f32x4.add");
    code.get(sum).splat("f32x4", width).op("f32x4.div").set(sum);
    code.get(factors).memory("v128.load32_splat").set(factor);
    overVectors(width, (at) => {
      code.get(from).memory("v128.load", at).get(gain).memory("v128.load", at).op("f32x4.mul");
      code.set(slope);
      code.get(to).get(to).memory("v128.load", at);
      code.get(slope).get(normalized).memory("v128.load", at).get(sum).op("f32x4.mul", "f32x4.sub");
      code.get(factor).op("f32x4.mul", "f32x4.add").memory("v128.store", at);
    });
    for (const each of [to, from, normalized]) offset(code, each, 4 * width, each);
    offset(code, factors, 4, factors);
  });
  return code;
}

/** How a softmax is taken. */
export interface Softmax {
  /** Numbers of a row, a multiple of 4. */
  readonly width: number;
  /** What rows are multiplied by before, and results after. */
  readonly scale?: number;
  readonly weight?: number;
  /** Whether row i of each `width` rows sees only its first i + 1 numbers. */
  readonly isCausal?: boolean;
}

/**
 * A function of the addresses of rows, which it overwrites, of notes, and of what is added to rows if it is
 * causal, and of the number of rows. Of each row it notes the most, and the sum of exponentials of what is
 * less than that.
 */
export function softmax(
  name: string,
  module: Module,
  given: Softmax,
  added: Map<string, number>,
): Code {
  const { width, scale = 1, weight = 1, isCausal = false } = given;
  const exp = addRoutine(module, "Exp", added);
  const code = functionOf(name, 4);
  const [at, notes, mask, count] = parameters(code, 4);
  const [row, maskEnd] = [code.local("i32"), code.local("i32")];
  const [x, most, sum] = vectorsOf(code, 3);
  code.get(mask).set(row);
  offset(code, mask, 4 * width * width, maskEnd);
  overRows(code, count, () => {
    code.splat("f32x4", -Infinity).set(most);
    overVectors(width, (k) => {
      code.get(at).get(at).memory("v128.load", k);
      if (scale !== 1) code.splat("f32x4", scale).op("f32x4.mul");
      if (isCausal) code.get(row).memory("v128.load", k).op("f32x4.add");
      code.tee(x).memory("v128.store", k);
      code.get(most).get(x).op("f32x4.max").set(most);
    });
    across(code, most, "f32x4.max");
    code.splat("f32x4", 0).set(sum);
    overVectors(width, (k) => {
      code.get(at).get(at).memory("v128.load", k).get(most).op("f32x4.sub");
      code.call(exp, routineTypes.get("Exp")!).tee(x).memory("v128.store", k);
      code.get(sum).get(x).op("f32x4.add").set(sum);
    });
    across(code, sum, "f32x4.add");
    code.get(notes).get(most).lane("f32x4.extract_lane", 0).memory("f32.store");
    code.get(notes).get(sum).lane("f32x4.extract_lane", 0).memory("f32.store", 4);
    code.splat("f32x4", weight).get(sum).op("f32x4.div").set(sum);
    overVectors(width, (k) => {
      code.get(at).get(at).memory("v128.load", k).get(sum).op("f32x4.mul").memory("v128.store", k);
    });
    offset(code, at, 4 * width, at);
    offset(code, notes, 8, notes);
    if (!isCausal) return;
    offset(code, row, 4 * width, row);
    code.block(() => {
      code.get(row).get(maskEnd).op("i32.lt_u").branchIf(0);
      code.get(mask).set(row);
    });
  });
  return code;
}

/**
 * A function of the addresses of gradients of a softmax's results, which become those of what it was taken of,
 * and of its results, and of the number of rows.
 */
export function softmaxGradient(name: string, { width, scale = 1 }: Softmax): Code {
  const code = functionOf(name, 3);
  const [at, from, count] = parameters(code, 3);
  const [sum] = vectorsOf(code, 1);
  overRows(code, count, () => {
    code.splat("f32x4", 0).set(sum);
    overVectors(width, (k) => {
      code.get(sum).get(at).memory("v128.load", k).get(from).memory("v128.load", k);
      code.op("f32x4.mul", "f32x4.add").set(sum);
    });
    across(code, sum, "f32x4.add");
    overVectors(width, (k) => {
      code.get(at).get(at).memory("v128.load", k).get(sum).op("f32x4.sub");
      code.get(from).memory("v128.load", k).op("f32x4.mul");
      if (scale !== 1) code.splat("f32x4", scale).op("f32x4.mul");
      code.memory("v128.store", k);
    });
    for (const each of [at, from]) offset(code, each, 4 * width, each);
  });
  return code;
}

/** A function of the addresses of results and numbers, which become max(x, 0), and of their count by four. */
export function squaredRelu(name: string): Code {
  const code = functionOf(name, 3);
  const [to, from, count] = parameters(code, 3);
  const [x] = vectorsOf(code, 1);
  overRows(code, count, () => {
    code.get(from).get(from).memory("v128.load").splat("f32x4", 0).op("f32x4.max").tee(x);
    code.memory("v128.store");
    code.get(to).get(x).get(x).op("f32x4.mul").memory("v128.store");
    for (const each of [to, from]) offset(code, each, 16, each);
  });
  return code;
}

/** A function of the addresses of gradients, which it overwrites, and of max(x, 0), and of their count by four. */
export function squaredReluGradient(name: string): Code {
  const code = functionOf(name, 3);
  const [at, from, count] = parameters(code, 3);
  overRows(code, count, () => {
    code.get(at).get(at).memory("v128.load").get(from).memory("v128.load");
    code.op("f32x4.mul").splat("f32x4", 2).op("f32x4.mul").memory("v128.store");
    for (const each of [at, from]) offset(code, each, 16, each);
  });
  return code;
}

function functionOf(name: string, count: number): Code {
  return new Code({ name, params: Array.from({ length: count }, () => "i32"), results: [] });
}

const parameters = (code: Code, count: number): Local[] =>
  Array.from({ length: count }, (_, i) => code.param(i));

const vectorsOf = (code: Code, count: number): Local[] =>
  Array.from({ length: count }, () => code.local("v128"));

/** Does something so many times, at least once. */
function overRows(code: Code, count: Local, body: () => void): void {
  code.loop(() => {
    body();
    code.get(count).i32(1).op("i32.sub").tee(count).branchIf(0);
  });
}

/** Does something for every four numbers of a row; `visit` is given where they are in it, in bytes. */
function overVectors(width: number, visit: (at: number) => void): void {
  for (let at = 0; at < 4 * width; at += 16) visit(at);
}

/** Joins the lanes of a vector, each with its neighbour but one and then its neighbour, into all of them. */
function across(code: Code, x: Local, join: string): void {
  code.get(x).get(x).get(x).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  code.op(join).tee(x).get(x).get(x);
  code.shuffle(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11).op(join).set(x);
}
