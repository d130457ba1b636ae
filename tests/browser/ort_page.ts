/** A page that trains an ONNX model on as many threads as its address says, then reports to the test. */
import { env } from "onnxruntime-web/wasm";
import { train } from "./ort_train.ts";

const { report, crossOriginIsolated: isIsolated } = globalThis as unknown as {
  readonly report: (text: string) => void;
  readonly crossOriginIsolated: boolean;
};

/** How many workers the page has started. */
let workers = 0;
globalThis.Worker = new Proxy(Worker, {
  construct: (target, given) => (workers++, Reflect.construct(target, given)),
});

env.wasm.wasmPaths = `${location.origin}/`;
try {
  const model = await (await fetch("model.onnx")).bytes();
  const losses = await train(model, Number(location.hash.slice(1)));
  report(JSON.stringify({ value: { losses, workers, isIsolated } }));
} catch (error) {
  report(JSON.stringify({ error: String(error) }));
}
