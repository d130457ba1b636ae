/** What is measured: five optimizers, the bytes that a step of each moves, and numbers to step on. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  explain,
  lion,
  type Optimizer,
  optimizer,
  required,
  sgd,
} from "@gradus/gradus";

/** One optimizer to be stepped. */
export interface Task {
  /** What the table calls it. */
  readonly name: string;
  readonly optimizer: Optimizer;
  /** Bytes that a step reads and writes for each parameter. */
  readonly bytes: number;
}

/** The hyperparameters that are no defaults, for Gradus and all others. */
export const HYPER = { learningRate: 1e-3, momentum: 0.9, maxNorm: 1, b2: 0.999, eps: 1e-30 };

const { learningRate, momentum, maxNorm } = HYPER;

/** Adafactor's factored second moment: a row and a column for each matrix, by means over its axes. */
const factored = optimizer({
  name: "factored",
  source: "Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost",
  hyper: { learningRate: required, b2: HYPER.b2, eps: HYPER.eps },
  state: { r: { over: 1 }, c: { over: 0 } },
  step: `
    r = b2*r + (1 - b2)*mean(g^2 + eps, axis=1)
    c = b2*c + (1 - b2)*mean(g^2 + eps, axis=0)
    rowFactor = 1/sqrt(r/mean(r))
    columnFactor = 1/sqrt(c)
    u = -learningRate*g*rowFactor*columnFactor
  `,
});

/** The tasks, in the order of the table. */
export const tasks: readonly Task[] = [
  task("Lion", lion({ learningRate })),
  task("AdamW", adamw({ learningRate })),
  task("SGD with momentum", sgd({ learningRate, momentum })),
  task("factored second moment", factored({ learningRate })),
  task("clip by global norm, AdamW", chain(clipByGlobalNorm({ maxNorm }), adamw({ learningRate }))),
];

function task(name: string, optimizer: Optimizer): Task {
  return { name, optimizer, bytes: explain(optimizer).bytesMoved };
}

/** The shape that is stepped: a matrix as near to a square as the size allows. */
export function shapeOf(size: number): [rows: number, columns: number] {
  let rows = Math.floor(Math.sqrt(size));
  while (size % rows !== 0) rows--;
  return [rows, size / rows];
}

/**
 * The starting parameters and the gradients at a size. Their signs must be as hard to foresee as in
 * training: over signs that a processor can learn, a loop with branches looks five times as fast.
 */
export function numbersAt(size: number): { w: Numbers; g: Numbers } {
  if (known?.g.length !== size) known = { w: normals(size, 1), g: normals(size, 2) };
  return { w: known.w.slice(), g: known.g.slice() };
}

type Numbers = Float32Array<ArrayBuffer>;

let known: { readonly w: Numbers; readonly g: Numbers } | undefined;

/** Normally distributed numbers, the same for the same seed. */
function normals(size: number, seed: number): Numbers {
  const numbers = new Float32Array(size);
  let bits = seed * 0x9e3779b9 >>> 0;
  const uniform = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return ((bits >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < size; i++) {
    numbers[i] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  return numbers;
}
