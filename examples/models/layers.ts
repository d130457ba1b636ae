/** The first weights of layers, as PyTorch draws and names them, the same for the same seed. */
import type { Numbers, Parameters } from "./writer.ts";

/** Draws numbers. */
export interface Random {
  /** Between 0 and 1. */
  uniform(): number;
  /** Of mean 0 and variance 1. */
  normal(): number;
  /** A whole number from 0, below `end`. */
  below(end: number): number;
}

/** Numbers that are the same for the same seed. */
export function randomly(seed: number): Random {
  let bits = seed * 0x9e3779b9 >>> 0;
  const uniform = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return ((bits >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, below: (end) => Math.floor(end * uniform()) };
}

/** An array of a shape, each number drawn. */
export function drawn(shape: readonly number[], draw: () => number): Numbers {
  const length = shape.reduce((a, b) => a * b, 1);
  return { data: Float32Array.from({ length }, draw), shape };
}

/** A linear layer: weight [to, from] and bias. */
export function linear(random: Random, layer: string, from: number, to: number): Parameters {
  return weights(random, layer, [to, from], from);
}

/** A convolution of square kernels: weight [to, from, kernel, kernel] and bias. */
export function convolution(
  random: Random,
  layer: string,
  from: number,
  to: number,
  kernel: number,
): Parameters {
  return weights(random, layer, [to, from, kernel, kernel], from * kernel * kernel);
}

/** A normalisation: weight 1 and bias 0. */
export function norm(layer: string, width: number): Parameters {
  return {
    [`${layer}.weight`]: drawn([width], () => 1),
    [`${layer}.bias`]: drawn([width], () => 0),
  };
}

function weights(
  random: Random,
  layer: string,
  shape: readonly number[],
  fanIn: number,
): Parameters {
  const draw = () => (2 * random.uniform() - 1) / Math.sqrt(fanIn);
  return { [`${layer}.weight`]: drawn(shape, draw), [`${layer}.bias`]: drawn([shape[0]], draw) };
}
