/** Serves the page with two workers: `deno run -A examples/several/serve.ts`, then open what it says. */

/** A site that is being served. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  mjs: "text/javascript",
  wasm: "application/wasm",
};

/** Bundles the scripts of the page and of its workers, and serves them with what they need. */
export async function serve(port: number): Promise<Served> {
  const beside = import.meta.resolve("onnxruntime-web/wasm");
  const runtime = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
  const files = new Map<string, Uint8Array<ArrayBuffer>>([
    ["index.html", await Deno.readFile(new URL("index.html", import.meta.url))],
    ["page.js", await bundle("page.ts")],
    ["worker.js", await bundle("worker.ts")],
    [
      "classifier.onnx",
      await Deno.readFile(new URL("../../docs/classifier.onnx", import.meta.url)),
    ],
  ]);
  for (const name of runtime) files.set(name, await Deno.readFile(new URL(name, beside)));
  const end = new AbortController();
  const listening = { hostname: "localhost", port, signal: end.signal, onListen: () => {} };
  const server = Deno.serve(listening, ({ url }) => {
    const name = new URL(url).pathname.slice(1) || "index.html";
    const file = files.get(name);
    if (file === undefined) return new Response(null, { status: 404 });
    const type = TYPES[name.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(file, { headers: { "content-type": type } });
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => {
      // A page that is still open would keep it waiting.
      end.abort();
      return server.finished;
    },
  };
}

async function bundle(script: string): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", new URL(script, import.meta.url).href],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return stdout;
}

if (import.meta.main) {
  const { address } = await serve(8001);
  console.log(`Open ${address} in a browser.`);
}
