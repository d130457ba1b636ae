/** A page that trains a model of tfjs on the backend that its address names, then reports to the test. */
import "@tensorflow/tfjs-backend-webgpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { train } from "./tfjs_train.ts";

const { report } = globalThis as unknown as { readonly report: (text: string) => void };

setWasmPaths(location.origin + "/");
try {
  const backend = location.hash.slice(1);
  const isThere = backend !== "webgpu" || await navigator.gpu?.requestAdapter();
  report(JSON.stringify({ value: isThere ? await train(backend) : "no adapter" }));
} catch (error) {
  report(JSON.stringify({ error: String(error) }));
}
