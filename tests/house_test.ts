/** What the house promises: imports point one way, the main entry needs nothing, symbols have examples. */
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** What each folder may import besides itself; packages by name. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  dsl: [],
  "dsl/yaml.ts": ["dsl", "@std/yaml"],
  "dsl/yaml_data.ts": ["dsl", "@std/yaml"],
  "runtime/trees": ["dsl"],
  "runtime/plan": ["dsl"],
  "runtime/backends": ["dsl", "runtime/trees", "runtime/plan"],
  "runtime/step": ["dsl", "runtime/trees", "runtime/plan", "runtime/backends"],
  "runtime/devices": ["dsl", "runtime/trees", "runtime/plan", "runtime/backends", "runtime/step"],
  runtime: ["dsl"],
  zoo: ["dsl", "runtime"],
  losses: ["dsl", "runtime"],
  adapters: ["dsl", "runtime"],
  "adapters/jax": ["dsl", "runtime", "adapters"],
  "adapters/tfjs": ["dsl", "runtime", "adapters"],
  "export/onnx": ["dsl", "runtime", "onnx-buf", "@bufbuild/protobuf"],
  "export/ort": [
    ...["dsl", "runtime", "export/onnx", "export/safetensors", "onnx-buf", "@bufbuild/protobuf"],
    ...["onnxruntime-web/jspi", "onnxruntime-web/wasm", "onnxruntime-web/webgpu"],
  ],
  "export/python": ["dsl", "runtime", "export/safetensors"],
  "export/safetensors": ["dsl", "runtime", "zoo", "export/onnx"],
  "export/train": [
    ...["dsl", "runtime", "export/onnx", "export/ort", "export/safetensors", "onnx-buf"],
    "@bufbuild/protobuf",
  ],
  "search/programs": ["dsl"],
  "search/analysis": ["dsl", "search/programs"],
  "search/machine": ["dsl", "runtime", "search/programs", "search/analysis"],
  "search/kernels": ["dsl", "runtime", "search/programs"],
  "search/tasks": [
    ...["dsl", "runtime"],
    ...["search/programs", "search/analysis", "search/machine", "search/kernels"],
  ],
  "search/evolve": [
    ...["dsl", "runtime", "zoo", "search/trials"],
    ...["search/programs", "search/analysis", "search/machine", "search/tasks"],
  ],
  "search/trials": ["dsl", "runtime", "zoo", "search/programs", "search/tasks", "deno.json"],
  "search/sweep": [
    ...["dsl", "runtime", "zoo", "search/programs", "search/tasks", "search/trials"],
    "search/evolve",
  ],
  "search/nats": [
    ...["dsl", "runtime", "search/programs", "search/tasks", "search/evolve", "deno.json"],
    ...["@nats-io/jetstream", "@nats-io/kv", "@nats-io/obj", "@nats-io/transport-node"],
  ],
  "search/repair": [
    ...["dsl", "search/programs", "search/analysis", "search/machine", "search/tasks"],
  ],
  "search/derive": ["dsl", "runtime"],
  "search/page": [
    ...["dsl", "runtime", "export/python", "temml"],
    ...["search/programs", "search/analysis", "search/evolve", "search/derive"],
    ...["search/trials", "search/sweep"],
  ],
  search: [],
  trainer: [
    ...["dsl", "runtime", "zoo", "export", "onnx-buf", "@bufbuild/protobuf", "papaparse"],
  ],
  "mod.ts": ["dsl", "runtime", "zoo"],
  cli: [
    ...["dsl", "runtime", "zoo", "export", "search", "trainer", "deno.json"],
    ...["node:path", "node:url", "node:util", "node:zlib", "fast-png", "jpeg-js"],
  ],
  "cli.ts": ["cli", "dsl", "deno.json"],
};

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function sources(folder: string = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    const path = `${folder}${name}`;
    const isHidden = name.startsWith(".") || name === "node_modules" || name === "out";
    if (isDirectory && !isHidden) found.push(...await sources(`${path}/`));
    else if (name.endsWith(".ts")) found.push(path);
  }
  return found.sort();
}

function placeOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT)
    .filter((place) => path === place || path.startsWith(`${place}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** What a file imports, types included: files by their paths from the root, packages by name. */
async function importsOf(path: string): Promise<string[]> {
  const text = (await Deno.readTextFile(new URL(path, root))).replace(/^ \*.*$/gm, "");
  const statements = text.matchAll(/^(?:import|export|\}) [^;]*?from "([^"]+)"/gms);
  return Array.from(
    statements,
    ([, specifier]) =>
      specifier.startsWith(".")
        ? new URL(specifier, new URL(path, root)).href.slice(root.href.length)
        : specifier,
  );
}

Deno.test("imports point one way", async () => {
  const wrong: string[] = [];
  let checked = 0;
  for (const path of await sources()) {
    const place = placeOf(path);
    if (place === undefined) {
      assert(/^(tests|examples|bench)\//.test(path), `${path} is in no folder of the house`);
      continue;
    }
    for (const target of await importsOf(path)) {
      const allowed = [place, ...MAY_IMPORT[place]];
      const isAllowed = allowed.some((each) => target === each || target.startsWith(`${each}/`));
      if (!isAllowed) wrong.push(`${path} imports ${target}`);
      checked++;
    }
  }
  assertEquals(wrong, []);
  assert(checked > 100, `only ${checked} imports were found`);
});

Deno.test("no circles of imports", async () => {
  const files = (await sources()).filter((path) => placeOf(path) !== undefined);
  const imports = new Map<string, readonly string[]>();
  for (const path of files) {
    imports.set(path, await importsOf(path));
  }
  const circles = files.map((path) => circle(imports, path)).filter((found) => found !== undefined);
  assertEquals([...new Set(circles)], []);
  assert(imports.size > 250, `only ${imports.size} files were found`);
});

/** The shortest way from `file` along imports back to it, from the first in the alphabet; undefined if none. */
function circle(imports: ReadonlyMap<string, readonly string[]>, file: string): string | undefined {
  const before = new Map<string, string>();
  const reached = [file];
  for (const each of reached) {
    for (const next of imports.get(each) ?? []) {
      if (before.has(next)) continue;
      before.set(next, each);
      reached.push(next);
    }
  }
  if (!before.has(file)) return undefined;
  const way = [file];
  while (way.length === 1 || way[0] !== file) way.unshift(before.get(way[0])!);
  way.pop();
  const first = way.indexOf(way.toSorted()[0]);
  const turned = [...way.slice(first), ...way.slice(0, first)];
  return [...turned, turned[0]].join(" -> ");
}

Deno.test("the main entry pulls nothing from a registry and needs no permission", async () => {
  const { modules } = JSON.parse(await deno("info", "--json", "mod.ts"));
  const outside = modules.map((each: { specifier: string }) => each.specifier)
    .filter((specifier: string) => !specifier.startsWith(root.href));
  assertEquals(outside, []);
  const script = `import { lion } from "./mod.ts"; const x = Float32Array.of(1);` +
    `const opt = lion({ learningRate: 0.5, weightDecay: 0 }); opt.step(x, x, opt.init(x)); console.log(x[0]);`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script.replace("./mod.ts", new URL("mod.ts", root).href));
    assertEquals((await deno("run", "--no-prompt", file)).trim(), "0.5");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("what is published depends on the standard library by its real name", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const standard = Object.entries<string>(imports).filter(([name]) => name.startsWith("@std/"));
  assertEquals(
    standard,
    ["assert", "testing", "yaml"].map((name) => [`@std/${name}`, `jsr:@std/${name}@^1`]),
  );
});

interface Documented {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: {
      readonly doc?: string;
      readonly tags?: readonly { readonly kind: string }[];
    };
  }[];
}

Deno.test("every public function, class and value has an example that runs", async () => {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const entries = Object.values<string>(exports);
  const { nodes } = JSON.parse(await deno("doc", "--json", ...entries));
  const missing: string[] = [];
  let checked = 0;
  for (const { symbols } of Object.values<{ symbols: Documented[] }>(nodes)) {
    for (const { name, declarations } of symbols) {
      const [declaration] = declarations.filter(({ kind }) => kind !== "moduleDoc");
      if (declaration === undefined || !/function|class|variable/.test(declaration.kind)) continue;
      checked++;
      const hasExample = declarations.some(({ jsDoc }) =>
        jsDoc?.tags?.some(({ kind }) => kind === "example")
      );
      if (!hasExample) missing.push(name);
    }
  }
  assertEquals(missing, []);
  assert(checked > 20, `only ${checked} symbols were found`);
});
