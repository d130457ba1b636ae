/** Examples for the classifier of `docs/classifier.onnx`: of 8 numbers the class is that of the nearest of 4 places. */

/** Inputs and labels. */
export interface Examples {
  readonly x: Float32Array<ArrayBuffer>;
  readonly y: Int32Array<ArrayBuffer>;
}

const [INPUTS, CLASSES] = [8, 4];

/** So many examples, of which the first workers see but the first classes: each knows another part of the world. */
export function examplesFor(counts: readonly number[]): Examples[] {
  let state = 3;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * random() - 1);
  const places = Array.from({ length: CLASSES }, () => numbers(INPUTS));
  return counts.map((count, worker) => {
    const seen = Math.ceil(CLASSES * (worker + 1) / counts.length);
    const y = Int32Array.from({ length: count }, () => Math.floor(random() * seen));
    const noise = numbers(count * INPUTS);
    const x = noise.map((each, i) => places[y[Math.floor(i / INPUTS)]][i % INPUTS] + each / 2);
    return { x, y };
  });
}
