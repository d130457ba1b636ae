/** The report of transfer: runs seeds that have not run yet, and makes the table and the page of all. */
import { write } from "./page.ts";
import { runSeed, sample, type Sampled, type SeedRun } from "./run.ts";

/** What runs are kept as, so that a report that was ended goes on where it was. */
const FOLDER = new URL("../../../out/transfer/", import.meta.url);
/** The seed of the sample, which no search has. */
const SAMPLED = { seed: 1000, trained: 150, count: 12 } as const;

/** Makes the report. */
export async function transfer(seeds: number, trained: number): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const kept = async <T>(name: string, make: () => Promise<T>): Promise<T> => {
    const place = new URL(`${name}.json`, FOLDER);
    const text = await Deno.readTextFile(place).catch(() => undefined);
    if (text !== undefined) return JSON.parse(text);
    const made = await make();
    await Deno.writeTextFile(place, JSON.stringify(made));
    return made;
  };
  const sampled: Sampled[] = await kept(
    "sample",
    () => sample(SAMPLED.seed, SAMPLED.trained, SAMPLED.count),
  );
  const runs: SeedRun[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    runs.push(await kept(`seed-${seed}-of-${trained}`, () => runSeed(seed, trained)));
  }
  await write({ trained, sampled, runs });
}
