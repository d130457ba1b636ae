/**
 * Writes an optimizer as an ONNX update graph: the bytes of a model that takes parameters, gradients
 * and state in and gives the next ones out, in standard ops that any ONNX runtime has.
 *
 * @example
 * ```ts
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const bytes: Uint8Array = toOnnx(lion({ learningRate: 1e-3 }), { w: [784, 64], b: [64] });
 * assert(bytes.length > 0);
 * ```
 *
 * @module
 */
export { METADATA } from "./metadata.ts";
export { fromOnnx } from "./read.ts";
export { type OnnxOptions, toOnnx } from "./write.ts";
