/** `deno task studio` serves the page; `deno task studio --build FOLDER` writes its files for any static host. */
import { parseArgs } from "node:util";
import { type Site, site } from "./site.ts";

/** A site that is being served. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
};

/** Serves the files of a site on this machine alone. */
export function serve(files: Site, port: number): Served {
  const server = Deno.serve({ hostname: "localhost", port, onListen: () => {} }, ({ url }) => {
    const name = new URL(url).pathname.slice(1) || "index.html";
    const file = files.get(name);
    if (file === undefined) return new Response(null, { status: 404 });
    const type = TYPES[name.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(file, { headers: { "content-type": type } });
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Writes the files of a site into a folder. */
async function write(files: Site, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/${name}`, bytes);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { build: { type: "string" }, port: { type: "string", default: "8000" } },
  });
  const files = await site();
  if (values.build === undefined) {
    console.log(`Open ${serve(files, Number(values.port)).address} in a browser.`);
  } else {
    await write(files, values.build);
    console.log(`${values.build}: ${files.size} files, for any static host`);
  }
}
