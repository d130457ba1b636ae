/** Opens the models in the files that are named on a GPU, and lets ONNX Runtime say where it puts each node. */
import * as ort from "onnxruntime-web/jspi";
import { deviceWith } from "../device.ts";

const device = await deviceWith([]);
const provider = { name: "webgpu", device } as ort.InferenceSession.ExecutionProviderConfig;
for (const file of Deno.args) {
  const mark = new TextEncoder().encode(`\nmodel ${file}\n`);
  Deno.stdout.writeSync(mark);
  Deno.stderr.writeSync(mark);
  const session = await ort.InferenceSession.create(await Deno.readFile(file), {
    executionProviders: [provider],
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 0,
  });
  await session.release();
}
Deno.exit();
