/** A site on this machine whose one page runs Gradus, bundled as a page of a user would have it. */

/** The headers that let memory be shared between threads. */
export const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** What a site is like. */
export interface SiteOptions {
  /** Headers of all that it serves. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly isMinified?: boolean;
  /** The script of the page, beside this file. Default: `page.ts`. */
  readonly page?: string;
  /** Files that the page asks for, by name. */
  readonly builds?: ReadonlyMap<string, URL>;
}

/** The site, until it is disposed of. */
export interface Site extends AsyncDisposable {
  readonly address: string;
}

/** Serves the page. */
export async function serve(
  { headers = {}, isMinified = false, page = "page.ts", builds = new Map() }: SiteOptions,
): Promise<Site> {
  const script = await bundle(page, isMinified);
  const html = `<!doctype html><script type="module" src="page.js"></script>`;
  const served = new Map<string, { readonly body: BodyInit; readonly type: string }>([
    ["/", { body: html, type: "text/html" }],
    ["/page.js", { body: script, type: "text/javascript" }],
  ]);
  for (const [name, url] of builds) {
    const type = name.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    served.set(`/${name}`, { body: await Deno.readFile(url), type });
  }
  const server = Deno.serve({ hostname: "localhost", port: 0, onListen: () => {} }, ({ url }) => {
    const found = served.get(new URL(url).pathname);
    if (found === undefined) return new Response(null, { status: 404 });
    return new Response(found.body, { headers: { "content-type": found.type, ...headers } });
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const bundles = new Map<string, Promise<string>>();

function bundle(page: string, isMinified: boolean): Promise<string> {
  const key = `${page}, ${isMinified}`;
  let made = bundles.get(key);
  if (made === undefined) bundles.set(key, made = bundled(page, isMinified));
  return made;
}

async function bundled(page: string, isMinified: boolean): Promise<string> {
  const { href } = new URL(page, import.meta.url);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", ...(isMinified ? ["--minify"] : []), href],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
