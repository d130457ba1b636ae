/**
 * A transformer of 10 million parameters, trained by Gradus on WebAssembly: time of a step, memory, and losses beside
 * ONNX Runtime's native build, which runs the whole step as one graph.
 * `deno run -A bench/training/large.ts [--steps 4] [--remat]`
 */
import process from "node:process";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { OrtTrainer } from "@gradus/gradus/ort";
import { median } from "../measure.ts";
import { flag, optionsOf, whole } from "../options.ts";
import { machine, today, writeResult } from "../record.ts";
import { stepOf } from "./gradus.ts";
import { gpt, type Network } from "./networks.ts";

type Native = typeof import("onnxruntime-node");

/** How far losses may be from the native build's. */
const MOST_APART = 1e-5;
/** What WebAssembly can address. */
const MOST_MEMORY = 4 * 2 ** 30;

const HELP = "deno run -A bench/training/large.ts [--steps 4] [--remat]";
const { steps = 4, remat = false } = optionsOf(HELP, { steps: whole(), remat: flag });

const network = gpt("GPT, 8 layers of 256, vocabulary 8192, batch 8 x 128", {
  batch: 8,
  length: 128,
  vocabulary: 8192,
  width: 256,
  heads: 8,
  layers: 8,
});
const parameters = Object.values(network.params).reduce((n, { data }) => n + data.length, 0);
console.log(`${network.name}: ${parameters.toLocaleString("en")} parameters`);

const begun = performance.now();
const bytes = stepOf(network, "float64", remat);
const making = performance.now() - begun;
const trainer = await OrtTrainer.load(bytes, { threads: 1 });
const loading = performance.now() - begun - making;
console.log(`Made in ${making.toFixed(0)} ms, loaded in ${loading.toFixed(0)} ms`);

const losses: number[] = [];
const times: number[] = [];
for (let step = 0; step < steps; step++) {
  const start = performance.now();
  losses.push(await trainer.step({ ...network.batch }));
  times.push(performance.now() - start);
}
// Most of what the process ever held at once.
const peak = 1024 * process.resourceUsage().maxRSS;
await trainer.dispose();
console.log(
  `WebAssembly: ${median(times).toFixed(0)} ms a step (least ${Math.min(...times).toFixed(0)}), ` +
    `at most ${(peak / 2 ** 20).toFixed(0)} MB in memory, losses ${losses.join(", ")}`,
);
if (peak > MOST_MEMORY) throw new Error("It took more than WebAssembly can address.");

const native = await nativeRun(network, bytes, steps);
if (typeof native === "string") console.log(native);
else {
  const apart = Math.max(...losses.map((loss, i) => Math.abs(loss / native.losses[i] - 1)));
  console.log(
    `Native: ${median(native.times).toFixed(0)} ms a step (least ` +
      `${Math.min(...native.times).toFixed(0)}); losses are ${apart.toPrecision(2)} apart`,
  );
  if (!(apart <= MOST_APART)) throw new Error("The losses differ.");
}
const result = {
  name: "training-large",
  date: today(),
  machine: machine(),
  load: Deno.loadavg()[0],
  network: network.name,
  parameters,
  remat,
  making,
  loading,
  peak,
  wasm: { losses, times },
  native,
};
const written = await writeResult(
  `training-large${remat ? "-remat" : ""}`,
  "json",
  JSON.stringify(result, null, 2) + "\n",
);
console.log(`Written: ${written}`);
Deno.exit(0);

/** The same steps by the native build, or why there are none. */
async function nativeRun(
  network: Network,
  bytes: Uint8Array,
  steps: number,
): Promise<{ readonly losses: number[]; readonly times: number[] } | string> {
  let ort: Native;
  try {
    ort = await import("onnxruntime-node");
  } catch (error) {
    return `There is no native build: ${error instanceof Error ? error.message : error}`;
  }
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
  });
  const { x, y } = network.batch;
  const feeds: Record<string, InstanceType<Native["Tensor"]>> = {
    x: new ort.Tensor("int64", x.data as BigInt64Array, x.shape),
    y: new ort.Tensor("int64", y.data, y.shape),
  };
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  for (const { name, type } of graph!.input) {
    if (name in feeds || name === "count") continue;
    const value = type!.value.case === "tensorType" ? type!.value.value : undefined;
    const shape = value!.shape!.dim.map(({ value }) => Number(value.value));
    const zeros = new Float32Array(shape.reduce((a, b) => a * b, 1));
    feeds[name] = new ort.Tensor("float32", network.params[name]?.data ?? zeros, shape);
  }
  const given = new Set(session.inputNames);
  const [losses, times]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    feeds.count = new ort.Tensor("int64", BigInt64Array.of(BigInt(step)), []);
    const own = Object.fromEntries(Object.entries(feeds).filter(([name]) => given.has(name)));
    const start = performance.now();
    const results = await session.run(own);
    times.push(performance.now() - start);
    losses.push(Number(results.loss.data[0]));
    for (const name of session.outputNames) {
      if (name.startsWith("next/")) feeds[name.slice("next/".length)] = results[name];
    }
  }
  return { losses, times };
}
