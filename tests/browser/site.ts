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
}

/** The site, until it is disposed of. */
export interface Site extends AsyncDisposable {
  readonly address: string;
}

/** Serves the page. */
export async function serve({ headers = {}, isMinified = false }: SiteOptions): Promise<Site> {
  const script = await bundle(isMinified);
  const html = `<!doctype html><script type="module" src="page.js"></script>`;
  const served = new Map([
    ["/", { body: html, type: "text/html" }],
    ["/page.js", { body: script, type: "text/javascript" }],
  ]);
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

const bundles = new Map<boolean, Promise<string>>();

function bundle(isMinified: boolean): Promise<string> {
  let made = bundles.get(isMinified);
  if (made === undefined) bundles.set(isMinified, made = bundled(isMinified));
  return made;
}

async function bundled(isMinified: boolean): Promise<string> {
  const page = new URL("page.ts", import.meta.url).href;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", ...(isMinified ? ["--minify"] : []), page],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
