/** Opens the model whose bytes come in on a GPU, and lets ONNX Runtime say where it puts each node. */
import * as ort from "onnxruntime-web/jspi";
import { deviceWith } from "../device.ts";

const device = await deviceWith([]);
const provider = { name: "webgpu", device } as ort.InferenceSession.ExecutionProviderConfig;
const bytes = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
await ort.InferenceSession.create(bytes, {
  executionProviders: [provider],
  graphOptimizationLevel: "disabled",
  logSeverityLevel: 0,
});
Deno.exit();
