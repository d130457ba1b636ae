/** What `gradus search` is told to search on: tasks by name, or the options that a module exports. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GradusError, quoted, suggestion } from "../dsl/errors.ts";
import { proxy, quadraticProxy, quadraticsHeldOut, type SearchOptions } from "../search/mod.ts";

/** Tasks that the command knows by name. */
const PROXIES: ReadonlyMap<string, () => Partial<SearchOptions>> = new Map([
  ["heavy", () => quadratics(2)],
  ["gaussian", () => quadratics(Infinity)],
  ["proxies", proxies],
]);

/** Three families in random units, and a language model that the search never sees. */
function proxies(): Partial<SearchOptions> {
  return {
    tasks: ["zipf@1", "context@1", "blocks@1"].map((name) => proxy(name, { rates: 4 })),
    heldOut: [proxy("charlm@1", { rates: 4 })],
  };
}

function quadratics(degrees: number): Partial<SearchOptions> {
  return { tasks: quadraticProxy(degrees), heldOut: quadraticsHeldOut(degrees) };
}

/** The options of a search by the name of its tasks, or in a file. */
export async function searchOptions(target: string): Promise<Partial<SearchOptions>> {
  return PROXIES.get(target)?.() ?? await readOptions(target);
}

/** The options that a module exports as its default. */
async function readOptions(path: string): Promise<Partial<SearchOptions>> {
  const names = [...PROXIES.keys()].join(" nor ");
  let read: unknown;
  try {
    ({ default: read } = await import(pathToFileURL(resolve(path)).href));
  } catch (error) {
    if (error instanceof GradusError) throw new GradusError(`${quoted(path)}: ${error.message}`);
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new GradusError(
      `Cannot search ${quoted(path)}: it is neither ${names} nor a module that loads: ${
        reason.slice(0, 300)
      }${suggestion(path, PROXIES.keys())}`,
    );
  }
  const { tasks } = (read ?? {}) as { readonly tasks?: unknown };
  if (Array.isArray(tasks)) return read as Partial<SearchOptions>;
  throw new GradusError(
    `Cannot search ${
      quoted(path)
    }: its default export must be the options of a search, with a list of ` +
      "`tasks`",
  );
}
