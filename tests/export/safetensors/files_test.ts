/** Checkpoints in files: whole at any moment, whoever is killed; refused in words, the old one untouched. */
import { adam, type Optimizer, sgd } from "../../../mod.ts";
import {
  load,
  type PageFile,
  readCheckpoint,
  save,
  writeCheckpoint,
} from "../../../export/safetensors/mod.ts";
import { GradusError } from "../../../dsl/errors.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.chmod(folder, 0o700);
    await Deno.remove(folder, { recursive: true });
  }
}

/** A run of a few steps. */
function runOf(optimizer: Optimizer, steps: number) {
  const params = { w: Float32Array.of(1, 2, 3), b: Float32Array.of(0.5) };
  const state = optimizer.init(params);
  const gradients = { w: Float32Array.of(1, -1, 2), b: Float32Array.of(3) };
  for (let step = 0; step < steps; step++) optimizer.step(params, gradients, state);
  return { optimizer, params, state };
}

const filesIn = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();

Deno.test("a checkpoint in a file is what is saved, by path, by URL and through a link", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    const [first, second] = [2, 3].map((steps) => runOf(adam({ learningRate: 0.1 }), steps));
    await writeCheckpoint(path, first);
    assertEquals(await Deno.readFile(path), save(first));
    await Deno.chmod(path, 0o600);
    const url = new URL(`file://${folder}/run.safetensors`);
    await writeCheckpoint(url, second);
    assertEquals((await readCheckpoint(url)).params, second.params);
    await Deno.symlink(path, `${folder}/link`);
    await writeCheckpoint(`${folder}/link`, first);
    assertEquals((await Deno.lstat(`${folder}/link`)).isSymlink, true);
    const run = await readCheckpoint(path, { optimizer: first.optimizer });
    assertEquals(save(run), save(first));
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    await Deno.symlink("next.safetensors", `${folder}/next`);
    await writeCheckpoint(`${folder}/next`, second);
    assertEquals(await Deno.readFile(`${folder}/next.safetensors`), save(second));
    assertEquals((await Deno.lstat(`${folder}/next`)).isSymlink, true);
    assertEquals(await filesIn(folder), ["link", "next", "next.safetensors", "run.safetensors"]);
  }));

Deno.test("a writer that is killed at any moment leaves a file that loads, of a state that was written", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    let [before, left] = [0, 0];
    for (let kill = 0; kill < 20; kill++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", new URL("killed.ts", import.meta.url).pathname, path],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = child.stdout.getReader();
      assert(!(await reader.read()).done, "the writer ended by itself");
      await new Promise((resolve) => setTimeout(resolve, 40 * Math.random()));
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();

      const { state, params } = await readCheckpoint<{ w: Float32Array; b: Float32Array }>(path);
      const { count, m } = state as typeof state & { m: typeof params };
      assert(count > before, `${count} steps after ${before}`);
      for (const key of ["w", "b"] as const) {
        assert(m[key].every((x) => x === count), `the momentum after ${count} steps`);
        const sum = -0.5 * count * (count + 1) / 2;
        assert(params[key].every((x) => x === sum), `the parameters after ${count} steps`);
      }
      before = count;
      const others = (await filesIn(folder)).filter((name) => name !== "run.safetensors");
      assert(others.length <= 1, `left over: ${others.join(", ")}`);
      left += others.length;
    }
    assert(left > 0, "no writer was killed while it wrote");
    await writeCheckpoint(path, runOf(sgd({ learningRate: 1 }), 1));
    assertEquals(await filesIn(folder), ["run.safetensors"]);
  }));

Deno.test("what cannot be written is told, and the checkpoint before it is untouched", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    const run = runOf(adam({ learningRate: 0.1 }), 1);
    await writeCheckpoint(path, run);
    const bytes = await Deno.readFile(path);
    const refused = async (place: string | URL, given: unknown, ...parts: string[]) => {
      await assertRejects(() => writeCheckpoint(place, given as typeof run), GradusError, ...parts);
      assertEquals(await Deno.readFile(path), bytes);
      assertEquals(await filesIn(folder), ["run.safetensors"]);
    };
    await refused(
      `${folder}/none/run`,
      run,
      `Cannot write the checkpoint \`${folder}/none/run\`: `,
    );
    await refused(folder, run, "it must be a file: given a folder");
    await refused(
      path,
      { ...run, state: {} },
      "Cannot save a checkpoint: the state must be one of",
    );
    const from = { download: () => Promise.reject(new Error("the GPU is lost")) };
    await refused(
      path,
      { ...run, from },
      "the GPU is lost; a checkpoint that was there is as it was",
    );
    const lost = { download: () => Promise.reject("the GPU is lost") };
    await refused(path, { ...run, from: lost }, "`: the GPU is lost; a checkpoint that was there");
    await refused(new URL("https://a.b/c"), run, "its place must be a path", "https://a.b/c");
    await refused("", run, "its place must be a path");
    await refused(path, undefined, "Cannot save a checkpoint: ");
  }));

Deno.test("what is no file, and a link that leads nowhere, is refused and stays what it is", () =>
  inFolder(async (folder) => {
    const run = runOf(adam({ learningRate: 0.1 }), 1);
    const path = `${folder}/socket`;
    using _listener = Deno.listen({ transport: "unix", path });
    await assertRejects(
      () => writeCheckpoint(path, run),
      GradusError,
      "such as a device or a pipe",
    );
    assert((await Deno.lstat(path)).isSocket);
    await Deno.symlink(`${folder}/round`, `${folder}/round`);
    await assertRejects(() => writeCheckpoint(`${folder}/round`, run), GradusError, "ELOOP");
    assert((await Deno.lstat(`${folder}/round`)).isSymlink);
  }));

Deno.test("a step before all has been written is told, and the checkpoint before is untouched", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    const optimizer = sgd({ learningRate: 1, momentum: 0.5 });
    const params = { w: new Float32Array(1_000_000) };
    const state = optimizer.init(params);
    const run = { optimizer, params, state };
    await writeCheckpoint(path, run);
    const bytes = await Deno.readFile(path);
    const stepped = writeCheckpoint(path, run);
    optimizer.step(params, { w: new Float32Array(1_000_000) }, state);
    await assertRejects(() => stepped, GradusError, "a step meanwhile, from 0 to 1");
    const moved = writeCheckpoint(path, run);
    structuredClone(state.m, { transfer: [(state.m as typeof params).w.buffer] });
    await assertRejects(() => moved, GradusError, "some that have become 4000000 bytes shorter");
    assertEquals(await Deno.readFile(path), bytes);
    assertEquals(await filesIn(folder), ["run.safetensors"]);
  }));

Deno.test("a full disk and a missing permission are told, and the checkpoint before is untouched", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    const run = runOf(adam({ learningRate: 0.1 }), 1);
    await writeCheckpoint(path, run);
    const bytes = await Deno.readFile(path);
    const script = `
      import { sgd } from "${new URL("../../../zoo/sgd.ts", import.meta.url)}";
      import { writeCheckpoint } from "${new URL(
      "../../../export/safetensors/mod.ts",
      import.meta.url,
    )}";
      const optimizer = sgd({ learningRate: 1 });
      const params = new Float32Array(1_000_000);
      const run = { optimizer, params, state: optimizer.init(params) };
      console.log(await writeCheckpoint(Deno.args[0], run).then(() => "written", (error) => error.message));
    `;
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const said = async (before: string, ...flags: string[]) => {
      const command = `${before} "${Deno.execPath()}" run --no-prompt ${flags.join(" ")} ` +
        `"${folder}/script.ts" "${path}"`;
      const { stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
      return new TextDecoder().decode(stdout);
    };
    // Files of this process may have 512 blocks: as good as a disk without room.
    const full = await said("trap '' XFSZ; ulimit -f 512;", "-A", "--no-code-cache", "--no-lock");
    assert(full.includes(`Cannot write the checkpoint \`${path}\`: `), full);
    const denied = await said("", `--allow-read`);
    assert(denied.includes("Requires write access"), denied);
    assert(denied.includes("a checkpoint that was there is as it was"), denied);
    assertEquals(await Deno.readFile(path), bytes);
    assertEquals(await filesIn(folder), ["run.safetensors", "script.ts"]);
    // Reading and writing files of this folder is all that is needed.
    const allowed = await said("", `--allow-read="${folder}"`, `--allow-write="${folder}"`);
    assertEquals(allowed.trim(), "written");
  }));

Deno.test("a checkpoint that cannot be read is told with its path", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    await assertRejects(
      () => readCheckpoint(path),
      GradusError,
      "Cannot read the checkpoint",
      path,
    );
    await Deno.writeFile(path, save(runOf(adam({ learningRate: 0.1 }), 1)).slice(0, -1));
    await assertRejects(
      () => readCheckpoint(path),
      GradusError,
      `\`${path}\`: Cannot read safetensors`,
    );
  }));

Deno.test("a second write of a file before the first has ended is refused", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run.safetensors`;
    const run = runOf(adam({ learningRate: 0.1 }), 1);
    const first = writeCheckpoint(path, run);
    await assertRejects(
      () => writeCheckpoint(path, run),
      GradusError,
      "another write has not ended",
    );
    await first;
    await writeCheckpoint(path, run);
    assertEquals(load(await Deno.readFile(path)).state.count, 1);
  }));

Deno.test("a file of a page is replaced when all has been written, and else as it was", async () => {
  let kept = new Uint8Array();
  const file: PageFile = {
    name: "run.safetensors",
    getFile: () => Promise.resolve(new Blob([kept])),
    createWritable() {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      return Promise.resolve(
        new WritableStream({
          write: (chunk) => void chunks.push(chunk),
          close: async () => void (kept = await new Blob(chunks).bytes()),
        }),
      );
    },
  };
  const run = runOf(adam({ learningRate: 0.1 }), 2);
  await writeCheckpoint(file, run);
  assertEquals(kept, save(run));
  assertEquals((await readCheckpoint(file)).params, run.params);
  const from = { download: () => Promise.reject(new Error("the GPU is lost")) };
  await assertRejects(
    () => writeCheckpoint(file, { ...run, from }),
    GradusError,
    "Cannot write the checkpoint `run.safetensors`: the GPU is lost",
  );
  assertEquals(kept, save(run));
});
