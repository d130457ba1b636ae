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

Deno.test("Node has the bits that the interpreter defines", async () => {
  if (!await hasNode()) {
    assert(!Deno.env.has("CI"), "Node is required here: it is missing");
    return console.log("Not tested: Node is missing");
  }
  const folder = await Deno.makeTempDir();
  try {
    const script = `${folder}/main.mjs`;
    await run(
      Deno.execPath(),
      "bundle",
      "--platform=browser",
      `--output=${script}`,
      "tests/node/main.ts",
    );
    const { isCompiled, bits, threads } = JSON.parse(await run("node", script));
    assertEquals(bits, JSON.parse(JSON.stringify(await everything("interpreter"))));
    assertEquals(Object.keys(bits).length, 8);
    const alone = optimizers.lion.with({ backend: "interpreter" });
    assertEquals(threads.bits, await train(alone, "ordinary", "large"));
    assertEquals([isCompiled, threads.isThreaded], [true, true]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a search in Node ends what never ends: tasks of a module's own run in processes", async () => {
  if (!await hasNode()) return console.log("Not tested: Node is missing");
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
    const modules = ["search/evolve/worker", "search/evolve/process_main", "tests/node/search"];
    for (const module of [...modules, "tests/search/hostile_task"]) {
      const output = `--output=${folder}/${module.split("/").at(-1)}.js`;
      await run(Deno.execPath(), "bundle", "--platform=browser", output, `${module}.ts`);
    }
    const told = async (behaviour: string) =>
      JSON.parse(
        await run("node", `${folder}/search.js`, `file://${folder}/hostile_task.js`, behaviour),
      );
    const [loops, throws] = [await told("loops"), await told("throws")];
    assert(loops.counts.lost > 0 && loops.score > 0);
    assertEquals(loops, { ...throws, counts: { ...throws.counts, lost: loops.counts.lost } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

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

Deno.test("Node writes checkpoints to files and reads them", async () => {
  if (!await hasNode()) {
    assert(!Deno.env.has("CI"), "Node is required here: it is missing");
    return console.log("Not tested: Node is missing");
  }
  const folder = await Deno.makeTempDir();
  try {
    const script = `${folder}/checkpoints.mjs`;
    const entry = "tests/node/checkpoints.ts";
    await run(Deno.execPath(), "bundle", "--platform=browser", `--output=${script}`, entry);
    const said = await run("node", script, `${folder}/run.safetensors`);
    assertEquals(JSON.parse(said), [2, true, true]);
    const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(files.sort(), ["checkpoints.mjs", "run.safetensors"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
