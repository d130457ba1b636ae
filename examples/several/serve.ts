/** Serves the page with two workers: `deno run -A examples/several/serve.ts`, then open what it says. */
import { bundled, type Served, serveSite } from "../site.ts";

const here = (name: string) => new URL(name, import.meta.url);

/** Bundles the scripts of the page and of its workers, and serves them with what they need. */
export async function serve(port: number): Promise<Served> {
  const beside = import.meta.resolve("onnxruntime-web/wasm");
  const files = new Map([
    ["index.html", await Deno.readFile(here("index.html"))],
    ["page.js", await bundled(here("page.ts"))],
    ["worker.js", await bundled(here("worker.ts"))],
    ["classifier.onnx", await Deno.readFile(here("../../docs/classifier.onnx"))],
  ]);
  for (const name of ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
    files.set(name, await Deno.readFile(new URL(name, beside)));
  }
  return serveSite(files, port);
}

if (import.meta.main) {
  const { address } = await serve(8001);
  console.log(`Open ${address} in a browser.`);
}
