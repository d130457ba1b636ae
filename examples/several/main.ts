/** Two workers learn together: `deno run -A examples/several/main.ts`. The same in a page: `serve.ts`, beside this file. */
import { learn, spelled } from "./together.ts";

const model = await Deno.readFile(new URL("../../docs/classifier.onnx", import.meta.url));
const script = new URL("worker.ts", import.meta.url);
console.log(spelled(await learn(model, () => new Worker(script, { type: "module" }))));
