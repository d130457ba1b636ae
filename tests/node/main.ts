/** What Node runs: it reports on its output. */
import { everything, isCompiled, threaded } from "./everything.ts";

const report = {
  isCompiled: isCompiled(),
  bits: await everything("wasm"),
  threads: await threaded(),
};
console.log(JSON.stringify(report));
