/** Checkpoints: what is not as it was written is refused by name, and the one before is kept. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  type CheckpointStore,
  fileCheckpoint,
  quadratic,
  Random,
  search,
  searched,
  type SearchOptions,
} from "../../search/mod.ts";

const options: SearchOptions = {
  tasks: [quadratic({ size: 16, block: 4, steps: 20 })],
  seed: 3,
  budget: { generated: 120 },
  population: 20,
  window: 20,
};

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The options of a search that saves after every window. */
const kept = (path: string): SearchOptions => ({
  ...options,
  checkpoint: { store: fileCheckpoint(path), every: 1 },
});

/** What is in a folder, by name. */
async function listing(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

/** Runs a search until it has said so much. */
async function broken(options: SearchOptions, events: number): Promise<void> {
  for await (const _ of search(options)) if (--events === 0) return;
}

Deno.test("a checkpoint with any character changed, or cut off anywhere, is refused by its path", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/run.json`;
    const given = kept(path);
    await broken(given, 3);
    const whole = await Deno.readTextFile(path);
    JSON.parse(whole);
    const random = new Random(1, 2, 3);
    const edited = Array.from({ length: 200 }, (_, i) => {
      // The first fifty fall into the beginning, where the version and the hash stand.
      const at = i < 50 ? i : random.below(whole.length);
      const letters = [...'0123456789abcdefx,:[]{}" \n'].filter((one) => one !== whole[at]);
      return whole.slice(0, at) + random.pick(letters) + whole.slice(at + 1);
    });
    const cut = Array.from({ length: 100 }, (_, i) => {
      const ends = [0, 1, 2, whole.length - 1, whole.length - 2];
      return whole.slice(0, ends[i] ?? random.below(whole.length));
    });
    for (const text of [...edited, ...cut, `${whole}\n`, whole + whole, "\0\xff", "{}", "null"]) {
      await Deno.writeTextFile(path, text);
      const { message } = await assertRejects(() => searched(given), GradusError);
      assertStringIncludes(
        message,
        `Cannot go on with a search from its checkpoint \`${path}\`: it `,
      );
      assertStringIncludes(message, `or \`${path}.old\`, if it is there, to go on from`);
      assertEquals(await Deno.readTextFile(path), text);
    }
    await Deno.writeTextFile(path, whole);
    assertEquals(await searched(given), await searched(options));
  });
});

Deno.test("the checkpoint before the last is kept, and a search goes on from it where it is named", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/run.json`;
    await broken(kept(path), 2);
    const first = await Deno.readTextFile(path);
    await broken(kept(path), 1);
    assertEquals(await listing(folder), ["run.json", "run.json.old"]);
    assertEquals(await Deno.readTextFile(`${path}.old`), first);
    await Deno.writeTextFile(path, "");
    await assertRejects(() => searched(kept(path)), GradusError, "it is no checkpoint of a search");
    assertEquals(await searched(kept(`${path}.old`)), await searched(options));
    // One that is gone takes nothing with it.
    await Deno.remove(path);
    const older = await Deno.readTextFile(`${path}.old`);
    await fileCheckpoint(path).save("new");
    assertEquals(await Deno.readTextFile(`${path}.old`), older);
  });
});

Deno.test("a search that has ended saves nothing more, and another version says which it is", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/run.json`;
    const result = await searched(kept(path));
    const [last, before] = [path, `${path}.old`].map((each) => Deno.readTextFileSync(each));
    assert(last !== before);
    assertEquals(await searched(kept(path)), result);
    assertEquals([path, `${path}.old`].map((each) => Deno.readTextFileSync(each)), [last, before]);
    await Deno.writeTextFile(path, last.replace(/"version":\d+/, '"version":2'));
    await assertRejects(() => searched(kept(path)), GradusError, "given version 2");
    const { message } = await assertRejects(() => {
      const store: CheckpointStore = {
        load: () => Promise.resolve("{"),
        save: () => Promise.resolve(),
      };
      return searched({ ...options, checkpoint: { store } });
    }, GradusError);
    assertStringIncludes(message, "from its checkpoint: it is no checkpoint of a search");
  });
});

Deno.test("a checkpoint that cannot be read or written is an error with its path, before the work", async () => {
  await inFolder(async (folder) => {
    const nowhere = `${folder}/missing/run.json`;
    let events = 0;
    const { message } = await assertRejects(async () => {
      for await (const _ of search(kept(nowhere))) events++;
    }, GradusError);
    assertStringIncludes(message, `Cannot save the checkpoint \`${nowhere}\`: ENOENT`);
    assertEquals(events, 0);
    await assertRejects(
      () => searched(kept(folder)),
      GradusError,
      `checkpoint \`${folder}\`: EISDIR`,
    );
  });
});

Deno.test({
  name: "a full disk leaves the checkpoint as it was, and nothing beside it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await inFolder(async (folder) => {
      const path = `${folder}/run.json`;
      await broken(kept(path), 3);
      const saved = await Deno.readTextFile(path);
      // What is written beside the checkpoint goes to a device that is always full.
      await Deno.symlink("/dev/full", `${path}.part`);
      const { message } = await assertRejects(() => searched(kept(path)), GradusError);
      assertStringIncludes(message, `Cannot save the checkpoint \`${path}\`: ENOSPC`);
      assertStringIncludes(message, "what was saved before is as it was");
      assertEquals(await Deno.readTextFile(path), saved);
      assertEquals(await listing(folder), ["run.json", "run.json.old"]);
      assertEquals(await searched(kept(path)), await searched(options));
    });
  },
});

Deno.test("a run resumed after every window is the unbroken one, restarts and tuned constants too", async () => {
  await inFolder(async (folder) => {
    const rich: SearchOptions = {
      ...options,
      budget: { generated: 400 },
      below: -0.1,
      tune: { evaluations: 6 },
      restart: { patience: 100, from: "best" },
    };
    const whole = await searched(rich);
    assert(whole.counts.restarts > 0 && whole.counts.stopped > 0);
    const store = fileCheckpoint(`${folder}/run.json`);
    const resumed = { ...rich, checkpoint: { store, every: 1 } };
    for (let i = 0; i < 19; i++) await broken(resumed, 1);
    assertEquals(await searched(resumed), whole);
    await assertRejects(
      () => searched({ ...resumed, seed: 4 }),
      GradusError,
      "run.json`: it is of other tasks or options; use them again",
    );
  });
});
