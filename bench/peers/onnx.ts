/**
 * The contestant that is an exported graph on ONNX Runtime's native build, of Gradus of any checkout:
 * `onnx.ts DIR threads`.
 */
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-node";
import { blockOf, type Opened, type Opening, repeated, sampled, serve, sizeOf } from "./lines.ts";
import { gradusOf, optimizerOf } from "./rules.ts";

type Tensors = Record<string, ort.Tensor>;

const [directory, threads] = Deno.args;
const gradus = await gradusOf(directory);
const { toOnnx }: typeof import("@gradus/gradus/onnx") = await import(
  pathToFileURL(`${directory}/export/onnx/mod.ts`).href
);

await serve(`the graph of ${directory} on onnxruntime-node, ${threads} threads`, open);

async function open(opening: Opening): Promise<Opened | string> {
  const { rule, form, folder, shapes, numbers } = opening;
  const { sets: setCount, shift, trainingSteps, ahead, ...own } = numbers;
  const opt = optimizerOf(gradus, rule, own);
  if (opt === undefined) return "it has no such rule here";
  const session = await ort.InferenceSession.create(toOnnx(opt, shapes), {
    intraOpNumThreads: Number(threads),
    logSeverityLevel: 3,
  });
  const sizes = shapes.map(sizeOf);
  const [start, block] = [blockOf(folder, "w"), blockOf(folder, "g")];
  const named = (letter: "w" | "g", from: number): Tensors =>
    Object.fromEntries(
      repeated(letter === "w" ? start : block, sizes, from).map((data, i) => [
        `${letter}/${i}`,
        new ort.Tensor("float32", data, shapes[i]),
      ]),
    );
  const gradients = (k: number) => named("g", k * shift);
  const sets = Array.from({ length: setCount }, (_, k) => gradients(k));
  let [held, spare] = [begun(), begun()];
  let count = 0n;
  /** Two sets of arrays: what a step reads, and what it writes, which the next one reads. */
  const step = async (set: Tensors) => {
    const feeds = { ...held, ...set };
    if (session.inputNames.includes("count")) {
      feeds.count = new ort.Tensor("int64", BigInt64Array.of(count), []);
    }
    count++;
    const into: Tensors = {};
    for (const name in spare) into[`next/${name}`] = spare[name];
    const outputs = session.outputNames.filter((name) => Object.hasOwn(into, name));
    await session.run(feeds, Object.fromEntries(outputs.map((name) => [name, into[name]])));
    [held, spare] = [spare, held];
  };
  const timed = async (run: () => Promise<void>) => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  };
  return {
    async check(steps, stride) {
      const turns = setCount > 1 ? sets : [sets[0], gradients(1)];
      for (let k = 0; k < steps; k++) await step(turns[k % turns.length]);
      const arrays = shapes.map((_, i) => held[`w/${i}`].data as Float32Array);
      return sampled(arrays, stride);
    },
    async time(steps) {
      let spent = 0;
      for (let left = steps; left > 0;) {
        if (form === "training") {
          spent += await timed(async () => {
            [held, spare, count] = [begun(), begun(), 0n];
            for (let k = 0; k < trainingSteps; k++) await step(sets[k % setCount]);
          });
          left--;
          continue;
        }
        const some = form === "fresh" ? Math.min(left, ahead) : left;
        const turns = form === "fresh"
          ? Array.from({ length: some }, (_, k) => gradients(k))
          : sets;
        spent += await timed(async () => {
          for (let k = 0; k < some; k++) await step(turns[form === "fresh" ? k : 0]);
        });
        left -= some;
      }
      return spent;
    },
    close: () => session.release(),
  };

  /** Parameters at their start, and states of zeros. */
  function begun(): Tensors {
    const states = session.inputMetadata.flatMap((input) => {
      if (!input.isTensor || /^(w|g)\/|^count$/.test(input.name)) return [];
      const shape = input.shape.map(Number);
      return [[input.name, new ort.Tensor("float32", new Float32Array(sizeOf(shape)), shape)]];
    });
    return { ...named("w", 0), ...Object.fromEntries(states) };
  }
}
