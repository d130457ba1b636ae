/** All contestants, in the order of the table. */
import type { Contestant } from "../contestant.ts";
import { copy, copyByTwo } from "./copy.ts";
import { gradusContestants } from "./gradus.ts";
import { jax } from "./jax.ts";
import { bestLoop, plainLoop } from "./loops.ts";
import { onnx, onnxOnWebgpu } from "./onnx.ts";
import { tfjs } from "./tfjs.ts";
import { gradusInJax } from "./to_jax.ts";
import { webgpu } from "./webgpu.ts";

/** The rows of each task that takes them. */
export const contestants: readonly Contestant[] = [
  bestLoop,
  plainLoop,
  ...gradusContestants,
  ...tfjs,
  jax,
  gradusInJax,
  onnx,
  onnxOnWebgpu,
  webgpu,
  copy,
  copyByTwo,
];
