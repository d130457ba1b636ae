/** Steps that gradients decide are counted by graphs in float32 as in the library, however many there were. */
import {
  adam,
  applyIfFinite,
  factory,
  GradusError,
  parseProgram,
  schedule,
  sgd,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import type { Optimizer } from "../../mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { gpuTest } from "./gpu.ts";
import { signatureOf } from "./models.ts";

const finite = { maxConsecutiveErrors: 3 };
const one = () => new Float32Array(1);

/** Does something with an optimizer's graph in float32. */
async function run(
  opt: Optimizer,
  device: GPUDevice | undefined,
  use: (graph: OrtOptimizer) => Promise<void>,
  inputs: readonly string[] = [],
): Promise<void> {
  const options = device ? { executionProvider: "webgpu", device } as const : {};
  const bytes = toOnnx(opt, one(), { precision: "float32", inputs });
  const graph = await OrtOptimizer.load(bytes, options);
  await use(graph);
  await graph.dispose();
}

/** `1 - b^t` and `b^t`, by a clock that counts the finite. */
const decays = factory(parseProgram({
  name: "decays",
  hyper: { b: "required" },
  state: { rest: { over: "tensor" }, power: { over: "tensor" } },
  step: "rest = 1 - b^t\npower = b^t\nu = 0*g",
}));

const DECAYS = [0, 0.9, 0.999, 0.999999, 1 - 1e-7, 1];
const TIMES = [1, 2, 10, 69, 1000, 12_345, 1e6, 1e7, 2 ** 24 + 3];

async function wrongDecays(graph: OrtOptimizer, bs: readonly number[]): Promise<string[]> {
  const [params, gradients] = [one(), one()];
  const state = graph.init(params);
  const wrong: string[] = [];
  for (const b of bs) {
    for (const t of TIMES) {
      if (bs.length > 1) state.hyper.b = b;
      state.innerCount = t - 1;
      await graph.step(params, gradients, state);
      await graph.download(state);
      const [rest, power] = [state.rest, state.power].map((array) => (array as Float32Array)[0]);
      const exact = 1 - b ** t;
      if (rest !== exact && !(Math.abs(rest / exact - 1) <= 1e-6)) {
        wrong.push(`1 - ${b}^${t} is ${rest}, not ${exact}`);
      }
      if (!(Math.abs(power - b ** t) <= 1e-6)) wrong.push(`${b}^${t} is ${power}, not ${b ** t}`);
    }
  }
  return wrong;
}

const tests = (
  define: (name: string, run: (device?: GPUDevice) => Promise<void>) => void,
): void => {
  define("a first step is as long as it should be, whatever the decay", async (device) => {
    for (const b2 of [0.999, 0.999999, 1 - 1e-7]) {
      const opt = applyIfFinite(adam({ learningRate: 0.1, b2 }), finite);
      await run(opt, device, async (graph) => {
        const params = one();
        await graph.step(params, Float32Array.of(3), graph.init(params));
        await graph.download(params);
        assert(Math.abs(params[0] + 0.1) < 1e-6, `${params[0]} after a step by b2 ${b2}`);
      });
    }
  });

  define("a power by a count is good to 1e-6 of what it leaves", async (device) => {
    for (const b of [0.999, 0.999999]) {
      await run(applyIfFinite(decays({ b }), finite), device, async (graph) => {
        assertEquals(await wrongDecays(graph, [b]), []);
      });
    }
    await run(applyIfFinite(decays({ b: 0.5 }), finite), device, async (graph) => {
      assertEquals(await wrongDecays(graph, DECAYS), []);
    }, ["b"]);
  });

  define("counts go on beyond 2^24, and schedules with them", async (device) => {
    const learningRate = schedule(`where(count < ${2 ** 24 + 3}, 1, 0.25)`);
    await run(applyIfFinite(sgd({ learningRate }), finite), device, async (graph) => {
      const params = one();
      const state = graph.init(params);
      Object.assign(state, { innerCount: 2 ** 24, totalNotFinite: 2 ** 40 });
      const seen: number[] = [];
      for (const gradient of [1, 1, NaN, 1, 1, 1]) {
        const before = params[0];
        await graph.step(params, Float32Array.of(gradient), state);
        await graph.download(params);
        seen.push(before - params[0]);
      }
      assertEquals(seen, [1, 1, 0, 1, 0.25, 0.25]);
      assertEquals([state.innerCount, state.totalNotFinite], [2 ** 24 + 5, 2 ** 40 + 1]);
      await assertRejects(
        () => graph.step(params, one(), { ...state, innerCount: 0.5 }),
        GradusError,
        "state `innerCount` must be a whole number: given 0.5",
      );
    });
  });
};

tests((name, run) => Deno.test(`in float32, ${name}`, () => run()));
tests((name, run) => gpuTest(`on a GPU, ${name}`, (device) => run(device)));

Deno.test("a graph in float32 counts in whole numbers", () => {
  const opt = applyIfFinite(adam({ learningRate: 0.1 }), finite);
  const { inputs, outputs } = signatureOf(toOnnx(opt, one(), { precision: "float32" }));
  for (const name of ["innerCount", "notFiniteCount", "totalNotFinite"]) {
    assert(inputs.includes(`${name} int64 []`), `${inputs}`);
    assert(outputs.includes(`next/${name} int64 []`), `${outputs}`);
  }
});
