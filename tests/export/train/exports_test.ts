/** Networks of other kinds as PyTorch exports them: gradients are PyTorch's, and on a GPU the same. */
import * as webgpu from "onnxruntime-web/jspi";
import type * as ort from "onnxruntime-web/wasm";
import { meanSquaredError, withGradients } from "../../../export/train/mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { doubled, type Listed, modelNamed, opened, tensorOf } from "./driver.ts";

/** What PyTorch made of a model. */
interface Made {
  readonly x: Listed;
  readonly target: Listed;
  readonly loss: number;
  readonly grads: Readonly<Record<string, Listed>>;
}

/** What each has in it, and whether its batch is open. */
const MODELS: Readonly<Record<string, readonly [what: string, isOpen: boolean]>> = {
  moe: ["experts that TopK chooses, Einsum and GatherElements", false],
  reflect: ["convolutions with reflected borders", false],
  bag: ["EmbeddingBag, which is a loop", false],
  edges: ["sums over the edges of a graph", false],
  shifted: ["attention in shifted windows", true],
  pyramid: ["images resized to the sizes of others", true],
  skips: ["a transposed convolution beside what skips it", true],
};

function madeOf(name: string): Made {
  return JSON.parse(
    Deno.readTextFileSync(new URL(`./models/${name}.ref.json`, import.meta.url)),
  );
}

function gradientsOf(name: string, remat: boolean): Uint8Array {
  const loss = meanSquaredError({ output: "out", target: "target" });
  return withGradients(modelNamed(name), { loss, remat, onWarning() {} });
}

function requireLike(
  results: Readonly<Record<string, { readonly dims: readonly number[]; readonly data: unknown }>>,
  { loss, grads }: Made,
  tolerance: number,
): void {
  const [own] = results.loss.data as Float32Array;
  assert(Math.abs(own - loss) <= tolerance * loss, `loss: ${own}, not ${loss}`);
  for (const [name, [, shape, values]] of Object.entries(grads)) {
    const { dims, data } = results[`grad/${name}`];
    assertEquals([...dims], shape, name);
    const scale = Math.max(...values.map(Math.abs), 0.01);
    values.forEach((value, i) => {
      const apart = Math.abs((data as Float32Array)[i] - value);
      assert(apart <= tolerance * scale, `${name} at ${i} is ${apart} apart`);
    });
  }
}

for (const [name, [what, isOpen]] of Object.entries(MODELS)) {
  Deno.test(`gradients of ${what} are PyTorch's`, async () => {
    const made = madeOf(name);
    for (const remat of [false, true]) {
      const session = await opened(gradientsOf(name, remat));
      for (const each of isOpen ? [(listed: Listed) => listed, doubled] : [(l: Listed) => l]) {
        const [x, target] = [made.x, made.target].map((listed) => tensorOf(each(listed)));
        requireLike(await session.run({ x, target }), made, 2e-6);
      }
      await session.release();
    }
  });

  gpuTest(`gradients of ${what} are PyTorch's on a GPU`, async (device) => {
    const made = madeOf(name);
    const provider = { name: "webgpu", device } as ort.InferenceSession.ExecutionProviderConfig;
    const session = await webgpu.InferenceSession.create(gradientsOf(name, true), {
      executionProviders: [provider],
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 3,
    });
    const [x, target] = [made.x, made.target].map((listed) => tensorOf(listed));
    const results = await session.run({ x, target } as webgpu.InferenceSession.FeedsType);
    const read = await Promise.all(
      Object.entries(results).map(async ([name, { dims }]) =>
        [name, { dims, data: await results[name].getData() }] as const
      ),
    );
    await session.release();
    requireLike(Object.fromEntries(read), made, 1e-4);
  });
}
