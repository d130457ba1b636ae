/**
 * The main job: reads Lion from a file, trains on handwritten digits beside AdamW and SGD from the same
 * start, draws the curves, exports Lion as an ONNX graph and replays the last steps through it.
 */
import { SingleBar } from "cli-progress";
import {
  adamw,
  cosineDecaySchedule,
  explain,
  factory,
  type HyperValue,
  latex,
  type Optimizer,
  sgd,
  type State,
} from "@gradus/gradus";
import { toOnnx } from "@gradus/gradus/onnx";
import { OrtOptimizer } from "@gradus/gradus/ort";
import { parseYaml } from "@gradus/gradus/yaml";
import { renderCurves, type Series } from "./curves.ts";
import { batches, type Digits, loadDigits } from "./digits.ts";
import { accuracy, initialParameters, lossAndGradients, type Parameters } from "./mlp.ts";

const EPOCHS = 15;
const BATCH = 128;
const REPLAYED = 20;
const SEED = 1;
const OUT = new URL("../out/", import.meta.url);

/** What is left of a training run: its curve, its end, and the last steps to replay. */
interface Run {
  readonly name: string;
  readonly optimizer: Optimizer;
  readonly curve: Series;
  readonly accuracy: number;
  readonly parameters: Parameters;
  readonly tail: {
    readonly parameters: Parameters;
    readonly state: State;
    readonly gradients: readonly Parameters[];
  };
}

const lionProgram = parseYaml(
  await Deno.readTextFile(new URL("lion.yaml", import.meta.url)),
);
const lion = factory<{ learningRate: HyperValue; weightDecay: HyperValue }>(lionProgram);
const { train, test } = loadDigits();
const steps = EPOCHS * Math.ceil(train.count / BATCH);
const decayed = (initValue: number) => cosineDecaySchedule({ initValue, decaySteps: steps });
// Learning rates from a coarse grid on one seed: this shows that all three train, not which is best.
const contenders: readonly (readonly [name: string, optimizer: Optimizer])[] = [
  ["Lion", lion({ learningRate: decayed(1e-3), weightDecay: 0.1 })],
  ["AdamW", adamw({ learningRate: decayed(1e-2), weightDecay: 0.01 })],
  ["SGD with momentum", sgd({ learningRate: decayed(0.3), momentum: 0.9 })],
];

const cost = explain(contenders[0][1]);
console.log(`examples/lion.yaml: ${lionProgram.doc}\n\n${latex(lionProgram)}\n`);
console.log(
  `It keeps ${cost.stateBytes} bytes of state for each parameter and takes ${cost.arithmetic} ` +
    `operations and ${cost.bytesMoved} bytes of memory traffic to step it.\n`,
);
console.log(
  `Training on ${train.count} digits, ${EPOCHS} epochs of batches of ${BATCH}: ${steps} steps each.`,
);

const runs: Run[] = [];
for (const [name, optimizer] of contenders) runs.push(await trainOne(name, optimizer, train, test));

await Deno.mkdir(OUT, { recursive: true });
const svg = await renderCurves({
  title: "Three optimizers on handwritten digits",
  subtitle: `MLP 784-128-10, batches of ${BATCH}, each from the same start`,
  xTitle: "step",
  yTitle: "training loss (mean of the last 20 steps)",
  logY: true,
  series: runs.map(({ curve }) => curve),
});
await Deno.writeTextFile(new URL("curves.svg", OUT), svg);
const bytes = toOnnx(runs[0].optimizer, runs[0].parameters);
await Deno.writeFile(new URL("lion.onnx", OUT), bytes);

console.log(`\nThe last ${REPLAYED} steps again, through ONNX Runtime Web:`);
for (const run of runs) console.log(`  ${await replay(run)}`);
console.log("\nTest accuracy:");
for (const { name, accuracy } of runs) {
  console.log(`  ${name.padEnd(18)} ${(100 * accuracy).toFixed(2)} %`);
}
console.log("\nWritten: out/curves.svg, out/lion.onnx");

async function trainOne(
  name: string,
  optimizer: Optimizer,
  train: Digits,
  test: Digits,
): Promise<Run> {
  const parameters = initialParameters(SEED);
  const state = optimizer.init(parameters);
  const losses: number[] = [];
  const gradients: Parameters[] = [];
  let tail = structuredClone({ parameters, state });
  const bar = new SingleBar({
    format: `  ${name.padEnd(18)} {bar} {value}/{total} steps, loss {loss}, {duration} s`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
  bar.start(steps, 0, { loss: "-" });
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const batch of batches(train, BATCH, epoch)) {
      const { loss, gradients: gradient } = await lossAndGradients(parameters, batch);
      if (losses.length === steps - REPLAYED) tail = structuredClone({ parameters, state });
      if (losses.length >= steps - REPLAYED) gradients.push(gradient);
      optimizer.step(parameters, gradient, state);
      losses.push(loss);
      bar.update(losses.length, { loss: loss.toFixed(3) });
    }
  }
  bar.stop();
  return {
    name,
    optimizer,
    parameters,
    tail: { ...tail, gradients },
    accuracy: await accuracy(parameters, test),
    curve: { name, points: smoothed(losses, 20) },
  };
}

function smoothed(values: readonly number[], width: number): { x: number; y: number }[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - width + 1), i + 1);
    return { x: i + 1, y: window.reduce((a, b) => a + b) / window.length };
  });
}

async function replay({ name, optimizer, parameters, tail }: Run): Promise<string> {
  const exported = await OrtOptimizer.load(toOnnx(optimizer, parameters));
  for (const gradient of tail.gradients) {
    await exported.step(tail.parameters, gradient, tail.state);
  }
  await exported.dispose();
  let [different, all] = [0, 0];
  for (const layer of ["hidden", "output"] as const) {
    for (const part of ["w", "b"] as const) {
      const [ours, theirs] = [
        bitsOf(parameters[layer][part]),
        bitsOf(tail.parameters[layer][part]),
      ];
      all += 32 * ours.length;
      ours.forEach((word, i) => different += ones(word ^ theirs[i]));
    }
  }
  return `${name.padEnd(18)} ${different} of ${all} bits of the parameters differ`;
}

function bitsOf(leaf: Float32Array | { data: Float32Array }): Uint32Array {
  const { buffer, byteOffset, length } = leaf instanceof Float32Array ? leaf : leaf.data;
  return new Uint32Array(buffer, byteOffset, length);
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest > 0; rest >>>= 1) count += rest & 1;
  return count;
}
