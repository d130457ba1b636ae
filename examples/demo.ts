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
import { renderPage } from "./page.ts";

const EPOCHS = 15;
const BATCH = 128;
/** How many losses are averaged for the curve and the table. */
const SMOOTHED = 20;
const REPLAYED = 20;
const SEED = 1;
const OUT = new URL("../out/", import.meta.url);

/** What is left of a training run: its curves, its end, and the last steps to replay. */
interface Run {
  readonly name: string;
  readonly optimizer: Optimizer;
  readonly loss: Series;
  /** Percent of the test digits named correctly, after each epoch. */
  readonly right: Series;
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

console.log(
  `A network of 784, 128 and 10 units learns to read ${train.count} handwritten digits, three times from\n` +
    `the same start: by Lion from examples/lion.yaml, AdamW and SGD, ${steps} steps each.\n`,
);
const runs: Run[] = [];
for (const [name, optimizer] of contenders) runs.push(await trainOne(name, optimizer, train, test));

const head = ["", "training loss", "held-out accuracy", "state per parameter"];
const rows = runs.map(({ name, optimizer, loss, right }) => [
  name,
  last(loss).toFixed(4),
  `${last(right).toFixed(2)} %`,
  `${explain(optimizer).stateBytes} bytes`,
]);
console.log();
for (const [name, ...cells] of [head, ...rows]) {
  console.log(`  ${name.padEnd(18)}${cells.map((cell) => cell.padStart(22)).join("")}`);
}
const reading = readingOf(runs);
console.log(`\n${reading.join("\n")}\n`);

await Deno.mkdir(OUT, { recursive: true });
const title = "Three optimizers read handwritten digits";
const svg = await renderCurves({
  title: "Loss in training, and score on other digits",
  subtitle: `MLP 784-128-10, batches of ${BATCH}, each from the same start`,
  xTitle: "step",
  panels: [
    {
      yTitle: `training loss (mean of ${SMOOTHED} steps)`,
      logY: true,
      series: runs.map(({ loss }) => loss),
    },
    { yTitle: "% right on other digits", series: runs.map(({ right }) => right) },
  ],
});
await Deno.writeTextFile(new URL("curves.svg", OUT), svg);
const page = renderPage({
  title,
  program: lionProgram,
  svg,
  reading: reading.join(" "),
  head,
  rows,
});
await Deno.writeTextFile(new URL("demo.html", OUT), page);
const bytes = toOnnx(runs[0].optimizer, runs[0].parameters);
await Deno.writeFile(new URL("lion.onnx", OUT), bytes);

console.log(`The last ${REPLAYED} steps again, as ONNX graphs on ONNX Runtime Web:`);
for (const run of runs) console.log(`  ${await replay(run)}`);
console.log(`
Written
  out/demo.html    the curves, this table and the equations of Lion: open it in a browser
  out/curves.svg   the curves alone
  out/lion.onnx    one step of Lion as an ONNX graph

To try next
  Change a line of examples/lion.yaml, and run this again.
  npx -y deno@2.9.6 run -A cli.ts list          the optimizers that are built in
  npx -y deno@2.9.6 run -A cli.ts show adamw    what one of them computes`);

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
  const right: Series = { name, points: [] };
  const measure = async () =>
    right.points.push({ x: losses.length, y: 100 * await accuracy(parameters, test) });
  let tail = structuredClone({ parameters, state });
  const bar = new SingleBar({
    format: `  ${name.padEnd(18)} {bar} {value} of {total} steps, {duration} s`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  const isTerminal = Deno.stdout.isTerminal();
  if (isTerminal) bar.start(steps, 0);
  else console.log(`  ${name}`);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const batch of batches(train, BATCH, epoch)) {
      const { loss, gradients: gradient } = await lossAndGradients(parameters, batch);
      if (losses.length === steps - REPLAYED) tail = structuredClone({ parameters, state });
      if (losses.length >= steps - REPLAYED) gradients.push(gradient);
      optimizer.step(parameters, gradient, state);
      losses.push(loss);
      bar.update(losses.length);
    }
    await measure();
  }
  bar.stop();
  const loss = { name, points: smoothed(losses, SMOOTHED) };
  return { name, optimizer, parameters, tail: { ...tail, gradients }, loss, right };
}

/** What the two panels say together, in the numbers of the table. */
function readingOf(runs: readonly Run[]): string[] {
  const least = (of: (run: Run) => number) =>
    runs.reduce((least, run) => of(run) < of(least) ? run : least).name;
  const scores = runs.map(({ right }) => last(right));
  const apart = (Math.max(...scores) - Math.min(...scores)).toFixed(2);
  return [
    `${least(({ loss }) => last(loss))} has the lowest loss on the digits that it trained on.`,
    `${
      least(({ right }) => -last(right))
    } is right most often on the ${test.count} digits that it never saw.`,
    `The second is what counts: a low training loss alone does not make a good model.`,
    `The accuracies are ${apart} points apart, on one seed and with learning rates from a coarse grid.`,
  ];
}

function last({ points }: Series): number {
  return points[points.length - 1].y;
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
