/** The same in a page: the workers are those of the browser. */
import { learn, spelled } from "./together.ts";

const { document, report } = globalThis as unknown as {
  readonly document: { getElementById(id: string): { textContent: string } };
  /** A test has it. */
  readonly report?: (text: string) => void;
};

const beside = new URL("./", import.meta.url).href;
const model = await (await fetch(new URL("classifier.onnx", beside))).bytes();
const start = () => new Worker(new URL("worker.js", beside), { type: "module" });
const learned = await learn(model, start, beside);
document.getElementById("said").textContent = spelled(learned);
report?.(JSON.stringify(learned));
