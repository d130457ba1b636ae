/** Gradients on a GPU are those of WebAssembly, and what stays on the processor is told by name. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import * as webgpu from "onnxruntime-web/jspi";
import * as wasm from "onnxruntime-web/wasm";
import {
  crossEntropy,
  lossOutput,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { adamw, chain, clipByGlobalNorm } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { FAMILIES } from "./cases.ts";
import { IMAGE_FAMILIES } from "./image_cases.ts";
import { modelNamed, opened } from "./driver.ts";
import { asInputs, type Drawn, ints, modelOf, trained } from "./law.ts";
import { resizes } from "./resize_cases.ts";
import { EQUATIONS, WRITTEN } from "./written_cases.ts";

type Session = webgpu.InferenceSession;

function openedOn(device: GPUDevice, bytes: Uint8Array): Promise<Session> {
  const provider = { name: "webgpu", device } as webgpu.InferenceSession.ExecutionProviderConfig;
  return webgpu.InferenceSession.create(bytes, {
    executionProviders: [provider],
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
  });
}

/** What was drawn, in float32. */
function short(op: string, drawn: Drawn): Drawn {
  const inputs = drawn.inputs.map((each) =>
    each !== null && "values" in each && each.type === DataType.DOUBLE
      ? { ...each, type: DataType.FLOAT }
      : each
  );
  const attributes = op === "Cast" ? { to: DataType.FLOAT } : drawn.attributes;
  return { ...drawn, inputs, attributes, type: DataType.FLOAT };
}

/** Whether there is no volume: ONNX Runtime's WebGPU pools none, and convolves none in groups. */
function isThere({ inputs, attributes }: Drawn): boolean {
  const isFlat = inputs.every((each) => each === null || each.shape.length <= 4);
  return isFlat || attributes?.group === 1;
}

const written = Object.fromEntries(
  Object.entries(WRITTEN).map(([op, drawn]) => [op, drawn(DataType.FLOAT)]),
);
const families = {
  ...FAMILIES,
  ...IMAGE_FAMILIES,
  "written out": written,
  "Einsum": Object.fromEntries(
    EQUATIONS.map(([equation, ...shapes]) => {
      const drawn: Drawn = {
        inputs: shapes.map((shape) => trained(shape)),
        attributes: { equation },
      };
      return [`Einsum ${equation}`, fc.constant(drawn)];
    }),
  ),
  "Resize": Object.fromEntries(
    ["nearest", "linear", "cubic"].map((mode) => [`Resize ${mode}`, resizes(mode)]),
  ),
};

for (const [family, cases] of Object.entries(families)) {
  gpuTest(`gradients of ${family} operators are the same on a GPU`, async (device) => {
    for (const [name, arbitrary] of Object.entries(cases)) {
      const [drawn] = fc.sample(arbitrary.filter(isThere), { seed: 5, numRuns: 1 });
      const op = name.split(" ")[0];
      const model = modelOf(op, short(op, drawn), false, 1);
      const params = drawn.inputs.flatMap((each, i) =>
        each && !("values" in each) ? [`p${i}`] : []
      );
      const loss = lossOutput("total");
      const { bytes, values } = asInputs(
        withGradients(model, { loss, params, onWarning() {} }),
        DataType.FLOAT,
      );
      const feeds = (Tensor: typeof wasm.Tensor) =>
        Object.fromEntries(
          values.map((
            each,
          ) => [each.name, new Tensor("float32", each.data as Float32Array, each.dims)]),
        );
      const [host, gpu] = [await opened(bytes), await openedOn(device, bytes)];
      const [wanted, made] = [
        await host.run(feeds(wasm.Tensor)),
        await gpu.run(feeds(webgpu.Tensor as typeof wasm.Tensor)),
      ];
      for (const [output, { data }] of Object.entries(wanted)) {
        const other = await made[output].getData();
        const scale = Math.max(1, ...Array.from(data as Float32Array, Math.abs));
        // WGSL has arccosines to 7e-5.
        data.forEach((value, i) =>
          assert(Math.abs(Number(value) - Number(other[i])) <= 1e-4 * scale, `${name}: ${output}`)
        );
      }
      await host.release();
      await gpu.release();
    }
  });
}

gpuTest("a sum of more than a GPU reduces at once is whole", async (device) => {
  // To one number, and to one of each of two channels.
  for (const [from, to] of [[[1, 1], [4096, 4096]], [[1, 2, 1], [3, 2, 2 ** 21]]]) {
    const drawn = { inputs: [trained(from, () => 0.5), ints(...to)], type: DataType.FLOAT };
    const model = modelOf("Expand", drawn, false, 1);
    const session = await openedOn(device, withGradients(model, { loss: lossOutput("total") }));
    const { loss, "grad/p0": gradient } = await session.run({});
    const count = to.reduce((a, b) => a * b);
    assertEquals(Array.from(await loss.getData() as Float32Array), [count / 4]);
    const each = count / from.reduce((a, b) => a * b);
    const made = Array.from(await gradient.getData() as Float32Array);
    assertEquals(made, made.map(() => each));
    await session.release();
  }
});

/** What ONNX Runtime tells of a model where it puts each node, by the name of the model. */
async function placements(models: ReadonlyMap<string, Uint8Array>): Promise<Map<string, string[]>> {
  const folder = await Deno.makeTempDir();
  try {
    const files = new Map([...models.keys()].map((name) => [name, `${folder}/${name}`]));
    for (const [name, file] of files) await Deno.writeFile(file, models.get(name)!);
    // It writes past the console, so another process tells.
    const script = new URL("./placement.ts", import.meta.url).href;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, ...files.values()],
    }).output();
    const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, texts.join("\n"));
    const after = (text: string, file: string) =>
      text.split(`\nmodel ${file}\n`)[1].split("\nmodel ")[0].split("\n");
    return new Map(
      [...files].map(([name, file]) => [name, texts.flatMap((text) => after(text, file))]),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The nodes that ONNX Runtime puts on the processor by what it tells, and what it copies back from the GPU. */
function placed(lines: readonly string[]) {
  const from = lines.findIndex((line) => line.includes("placed on [CPUExecutionProvider]"));
  const until = lines.findIndex((line) => line.includes("placed on [WebGpuExecutionProvider]"));
  assert(from >= 0 && until > from, "ONNX Runtime does not tell where it puts nodes");
  const nodes = lines.slice(from + 1, until).flatMap((line) =>
    /\]\s+(\w+) \((.*)\)$/.exec(line.trim())?.slice(1, 3).join(" ") ?? []
  );
  return { nodes, copiedBack: lines.filter((line) => line.includes("MemcpyToHost")) };
}

/** What is made of labels. */
const LABELS = [
  ...["Equal loss/Equal", "Equal loss/Equal_2", "Max loss/Max", "Min loss/Min"],
  "Unsqueeze loss/Unsqueeze",
];
/** What else stays on the processor of a training step: shapes, positions, and constants made of them. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  "mlp.tsplain": [],
  // The runtime's own pick among sizes, where it keeps the channels of an image last.
  "cnn.tsplain": ["Gather Gather"],
  "cnn.train": [],
  "vit.tsplain": [
    "Gather Gather",
    // The shape that a class token is stretched to, and that of patches.
    "Concat /Concat",
    "Concat /Concat_1",
    "Gather /Gather",
    "Reshape /Reshape_1",
    "Slice /Slice",
    "Unsqueeze /Unsqueeze",
    "Where /Where",
  ],
  "gru.tsplain": [
    // The state that a sequence begins with, which is 0, and its shape.
    "Concat /r/Concat",
    "ConstantOfShape /r/ConstantOfShape",
    "Expand /r/GRU/Expand",
    "Gather /r/Gather",
    "Unsqueeze /r/Unsqueeze_1",
    // How large the parts are that gates were joined of.
    "Concat backward//r/GRU/Concat/Concat",
  ],
  "gpt.tsplain": [
    // The tokens, counted from the front.
    "Add backward//w/Gather/Add",
    "Less backward//w/Gather/Less",
    "Unsqueeze backward//w/Gather/Unsqueeze",
    "Where backward//w/Gather/Where",
    // The mask of the future.
    "ConstantOfShape /b/ConstantOfShape",
    "Trilu /b/Trilu",
  ],
};

/** A training step of a model that is known by name. */
function stepOf(name: string): Uint8Array {
  const loss = crossEntropy({ logits: "logits", axis: name.startsWith("gpt") ? -1 : 1 });
  const optimizer = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 1e-3 }));
  return trainingStep(modelNamed(name), optimizer, { loss, onWarning() {} });
}

let told: ReturnType<typeof placements> | undefined;

for (const [name, beside] of Object.entries(BESIDE)) {
  gpuTest(
    `a training step of ${name} leaves the GPU for shapes, positions and labels alone`,
    async () => {
      told ??= placements(new Map(Object.keys(BESIDE).map((each) => [each, stepOf(each)])));
      const { nodes, copiedBack } = placed((await told).get(name)!);
      assertEquals(copiedBack, []);
      const shown = nodes.map((each) => each.replace(/\/b\.\d/, "/b").replace(/_token_\d+$/, ""));
      assertEquals([...new Set(shown)].sort(), [...LABELS, ...beside].sort());
    },
  );
}
