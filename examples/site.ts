/** Sites of files: scripts in bundles, and a server for this machine alone. */

/** Files by their names, as any static host may serve them. */
export type Site = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** A site that is being served. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
};

/** Serves the files of a site. */
export function serveSite(files: Site, port: number): Served {
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

/** One script with all that it imports. */
export async function bundled(script: URL): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", "--minify", script.href],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return stdout;
}
