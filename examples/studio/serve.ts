/** Serves the page that trains on WebGPU: `deno run -A examples/browser/serve.ts`, then open what it says. */

/** A site that is being served. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

/** The builds of ONNX Runtime that a page may ask for, beside its script. */
const RUNTIMES = ["jspi", "asyncify"].map((name) => `ort-wasm-simd-threaded.${name}.wasm`);

/** Bundles the page's script and serves it with what it needs. */
export async function serve(port: number): Promise<Served> {
  const script = await bundle();
  const runtime = import.meta.resolve("onnxruntime-web/jspi");
  const files = new Map([
    ["/", { type: "text/html", read: () => Deno.readFile(new URL("index.html", import.meta.url)) }],
    ["/page.js", { type: "text/javascript", read: () => Promise.resolve(script) }],
    ...RUNTIMES.map((name) => {
      const read = () => Deno.readFile(new URL(name, runtime));
      return [`/${name}`, { type: "application/wasm", read }] as const;
    }),
  ]);
  const server = Deno.serve(
    { hostname: "localhost", port, onListen: () => {} },
    async ({ url }) => {
      const file = files.get(new URL(url).pathname);
      if (file === undefined) return new Response(null, { status: 404 });
      return new Response(await file.read(), { headers: { "content-type": file.type } });
    },
  );
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function bundle(): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", new URL("page.js", import.meta.url).href],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return stdout;
}

if (import.meta.main) {
  const { address } = await serve(8000);
  console.log(`Open ${address} in a browser that has WebGPU.`);
}
