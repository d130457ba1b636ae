/** Tasks with code of their own: whatever it does costs evaluations, never the run. */
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  type LocalOptions,
  localScorer,
  type ModuleTask,
  type ScoreCache,
  searched,
  type SearchOptions,
  type SearchResult,
  type Task,
} from "../../search/mod.ts";
import { startProcess } from "../../search/evolve/process.ts";
import { startThread } from "../../search/evolve/thread.ts";

const options = {
  seed: 7,
  budget: { trained: 400 },
  population: 60,
  window: 20,
  hurdle: { share: 0.25, quantile: 0.2 },
};

/** Searches with workers that end with it. */
async function searchedBy(local: LocalOptions, options: SearchOptions): Promise<SearchResult> {
  const scorer = localScorer(local);
  try {
    return await searched({ ...options, scorer });
  } finally {
    await scorer.close();
  }
}

/** All that a result says, as text. */
function told(result: SearchResult): string {
  return JSON.stringify(result, (_, value) => Object.is(value, -Infinity) ? "-inf" : value);
}

const hostile = (behaviour: string): Task => ({
  kind: "module",
  name: behaviour,
  url: new URL("./hostile_task.ts", import.meta.url).href,
  options: { behaviour },
  steps: 10,
  seeds: [1],
});

for (const behaviour of ["throws", "returns NaN", "explodes", "prints"]) {
  Deno.test(`a task that ${behaviour} for some programs costs those evaluations, not the run`, async () => {
    const small = { ...options, tasks: [hostile(behaviour)], budget: { trained: 60 } };
    const result = await searchedBy({ workers: 0 }, small);
    if (behaviour === "prints") assert(result.best!.score > 0);
    else assert(result.counts.stopped > 5 && result.counts.stopped < result.counts.trained);
    assertEquals(result.counts.lost, 0);
    assertEquals(told(await searchedBy({ workers: 2 }, small)), told(result));
  });
}

/** The processes that this one started and that are there still. */
async function children(): Promise<string[]> {
  const command = new Deno.Command("ps", { args: ["--ppid", String(Deno.pid), "-o", "args="] });
  const lines = new TextDecoder().decode((await command.output()).stdout).split("\n");
  return lines.filter((line) => line.includes("process_main"));
}

for (
  const [behaviour, patience, trained] of [
    ["loops", 3000, 2],
    ["exits", 60_000, 4],
    ["allocates", 60_000, 2],
  ] as const
) {
  Deno.test(`a task that ${behaviour} for some programs costs those evaluations, and no process stays`, async () => {
    const cache: ScoreCache = new Map();
    const given: SearchOptions = {
      ...options,
      cache,
      tasks: [hostile(behaviour)],
      budget: { trained },
      window: trained,
    };
    const { counts } = await searchedBy({ patience, memory: 160 }, given);
    assert(counts.lost > 0 && counts.lost === counts.stopped && counts.lost < counts.trained);
    // It is not remembered beyond the search: a quicker machine may have had the patience.
    assert(cache.size > 0 && [...cache.values()].every(({ score }) => score > -Infinity));
    if (Deno.build.os === "linux") {
      for (let i = 0; i < 50 && (await children()).length > 0; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assertEquals(await children(), []);
    }
    // What throws where the others end or take all they can get is stopped in the same programs.
    const throwing = await searched({ ...given, cache: undefined, tasks: [hostile("throws")] });
    assertEquals({ ...throwing.counts, lost: counts.lost }, counts);
  });
}

Deno.test("a worker that does not start is an error, and is ended", async () => {
  for (const start of [() => startThread("", 1), () => startProcess(1000, 1)]) {
    await assertRejects(
      start,
      GradusError,
      "a worker died: it did not start within 1 milliseconds",
    );
  }
});

Deno.test("tasks that never load, or cannot, are refused", async () => {
  await assertRejects(
    () => searchedBy({ patience: 500 }, { ...options, tasks: [hostile("never loads")] }),
    GradusError,
    "the tasks must load within 500 milliseconds",
  );
  const missing = { ...hostile("throws") as ModuleTask, url: "file:///none.ts" };
  await assertRejects(() => searched({ ...options, tasks: [missing] }), GradusError, "none.ts");
  const { message } = await assertRejects(
    () => searchedBy({ workers: 0 }, { ...options, tasks: [missing] }),
    GradusError,
  );
  assert(message.includes('Cannot load task "throws"') && message.includes("none.ts"), message);
});
