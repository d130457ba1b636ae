/** Many small tensors against a large one of as many parameters: what each tensor costs by itself. */
import { adamw, lion, type Optimizer } from "@gradus/gradus";
import { Absent, type Stepper } from "./contestant.ts";
import { gradusStepper, type Way } from "./gradus.ts";
import { measure, type Timing } from "./measure.ts";
import { machine, today, writeResult } from "./record.ts";
import { showRatio, showTime } from "./table.ts";
import { HYPER, numbersAt } from "./tasks.ts";

const LEAVES = 1000;
const LENGTH = 256;
const MOST = 1.5;

const { learningRate } = HYPER;
const optimizers: Readonly<Record<string, Optimizer>> = {
  Lion: lion({ learningRate }),
  AdamW: adamw({ learningRate }),
};
const ways: Readonly<Record<string, Way>> = {
  "JavaScript": { backend: "js" },
  "staged, 1 thread": { backend: "wasm", threads: 1 },
  "resident, 1 thread": { backend: "wasm", resident: true, threads: 1 },
  "resident, 2 threads": { backend: "wasm", resident: true, threads: 2 },
};
const budget = { seconds: 8, sampleMilliseconds: 4, warmMilliseconds: 300, leastRounds: 7 };

/** One row: two times, or why there are none. */
interface Row {
  readonly optimizer: string;
  readonly way: string;
  readonly many?: Timing;
  readonly one?: Timing;
  readonly absent?: string;
}

const opened = Object.entries(optimizers).flatMap(([name, optimizer]) =>
  Object.entries(ways).map(([wayName, way]) => ({
    optimizer: name,
    way: wayName,
    pair: [stepperOf(optimizer, split, way), stepperOf(optimizer, whole, way)],
  }))
);
const steppers = opened.flatMap(({ pair }) => pair)
  .filter((each): each is Stepper => !(each instanceof Absent));
const timings = await measure(steppers, budget);
const rows = opened.map(({ optimizer, way, pair: [many, one] }): Row => {
  if (many instanceof Absent) return { optimizer, way, absent: many.reason };
  if (one instanceof Absent) return { optimizer, way, absent: one.reason };
  const [manyTime, oneTime] = [many, one].map((each) => timings[steppers.indexOf(each)]);
  return { optimizer, way, many: manyTime, one: oneTime };
});
for (const stepper of steppers) await stepper.close?.();

const count = `${LEAVES.toLocaleString("en")} leaves of ${LENGTH}`;
console.log(`${count} against one of ${(LEAVES * LENGTH).toLocaleString("en")}, time of a step\n`);
for (const { optimizer, way, many, one, absent } of rows) {
  const label = `  ${optimizer}, ${way}`.padEnd(32);
  if (many === undefined || one === undefined) console.log(`${label}– (${absent})`);
  else {
    const ratio = many.median / one.median;
    const times = `${showTime(many.median)} against ${showTime(one.median)}`.padEnd(28);
    const verdict = ratio <= MOST ? "met" : "MISSED";
    console.log(`${label}${times}${showRatio(ratio)} (at most ${MOST}×): ${verdict}`);
  }
}
const result = { name: "leaves", date: today(), machine: machine(), rows };
const written = await writeResult("leaves", "json", JSON.stringify(result, null, 2) + "\n");
console.log(`\nWritten: ${written}`);
Deno.exit(0);

type Split = (numbers: Float32Array) => Record<string, Float32Array>;

function stepperOf(optimizer: Optimizer, split: Split, way: Way): Stepper | Absent {
  const { w, g } = numbersAt(LEAVES * LENGTH);
  return gradusStepper(optimizer, split(w), split(g), way);
}

function whole(numbers: Float32Array): Record<string, Float32Array> {
  return { all: numbers };
}

// Copies, since a model's tensors seldom lie side by side in one buffer.
function split(numbers: Float32Array): Record<string, Float32Array> {
  return Object.fromEntries(
    Array.from(
      { length: LEAVES },
      (_, i) => [`leaf${i}`, numbers.slice(i * LENGTH, (i + 1) * LENGTH)],
    ),
  );
}
