/** The main entry, bundled, does in Node what it does in Deno; and uses nothing of the language that is newer. */
import { assert, assertEquals } from "../assert.ts";
import { optimizers, train } from "../browser/train.ts";
import { everything } from "./everything.ts";

const root = new URL("../../", import.meta.url);

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: root }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Whether there is a Node that is no Deno: where there is none, Deno stands in for it. */
async function hasNode(): Promise<boolean> {
  try {
    return (await run("node", "--print", "process.versions.deno")).trim() === "undefined";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A test of scripts in Node, in the folder where all are; left out, aloud, where there is no Node, but not under CI. */
function nodeTest(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    if (await hasNode()) return await run(await (folder ??= bundles()));
    assert(!Deno.env.has("CI"), "Node is required here: it is missing");
    console.log("Not tested: Node is missing");
  });
}

const SCRIPTS = [
  ...[
    "tests/node/main",
    "tests/node/checkpoints",
    "tests/node/search",
    "tests/search/hostile_task",
  ],
  ...["search/evolve/worker", "search/evolve/process_main"],
];

let folder: Promise<string> | undefined;

/** Bundles all scripts at once, into one folder: a search looks for its workers beside itself. */
async function bundles(): Promise<string> {
  const made = await Deno.makeTempDir();
  const entries = SCRIPTS.map((script) => `${script}.ts`);
  await run(Deno.execPath(), "bundle", "--platform=browser", `--outdir=${made}`, ...entries);
  for (const script of SCRIPTS) {
    await Deno.rename(`${made}/${script}.js`, `${made}/${script.split("/").at(-1)}.js`);
  }
  await Deno.writeTextFile(`${made}/package.json`, '{ "type": "module" }');
  return made;
}

Deno.test.afterAll(async () => {
  if (folder !== undefined) await Deno.remove(await folder, { recursive: true });
});

nodeTest("Node has the bits that the interpreter defines", async (folder) => {
  const { isCompiled, bits, threads } = JSON.parse(await run("node", `${folder}/main.js`));
  assertEquals(bits, JSON.parse(JSON.stringify(await everything("interpreter"))));
  assertEquals(Object.keys(bits).length, 8);
  const alone = optimizers.lion.with({ backend: "interpreter" });
  assertEquals(threads.bits, await train(alone, "ordinary", "large"));
  assertEquals([isCompiled, threads.isThreaded], [true, true]);
});

nodeTest(
  "a search in Node ends what never ends: tasks of a module's own run in processes",
  async (folder) => {
    const told = async (behaviour: string) =>
      JSON.parse(
        await run("node", `${folder}/search.js`, `file://${folder}/hostile_task.js`, behaviour),
      );
    const [loops, throws] = [await told("loops"), await told("throws")];
    assert(loops.counts.lost > 0 && loops.score > 0);
    assertEquals(loops, { ...throws, counts: { ...throws.counts, lost: loops.counts.lost } });
  },
);

Deno.test("the main entry is made of what Node 20 and browsers of 2023 have", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = `${folder}/deno.json`;
    const lib = ["es2023", "esnext.disposable", "dom", "dom.iterable"];
    await Deno.writeTextFile(config, JSON.stringify({ compilerOptions: { lib } }));
    await run(Deno.execPath(), "check", "--no-lock", `--config=${config}`, "mod.ts");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

nodeTest("Node writes checkpoints to files and reads them", async (folder) => {
  const kept = await Deno.makeTempDir();
  try {
    const said = await run("node", `${folder}/checkpoints.js`, `${kept}/run.safetensors`);
    assertEquals(JSON.parse(said), [2, true, true]);
    const files = await Array.fromAsync(Deno.readDir(kept), ({ name }) => name);
    assertEquals(files, ["run.safetensors"]);
  } finally {
    await Deno.remove(kept, { recursive: true });
  }
});
