/** A run that is killed at random moments again and again ends as the unbroken one does. */
import { StartedSearch } from "./started.ts";

const TRAINED = 20_000;

/** Kills a run so many times, and says whether what it found is what the unbroken one found. */
export async function kill(times: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  const start = (name: string) =>
    new StartedSearch({ trained: TRAINED, checkpoint: `${folder}/${name}.json` });
  const { result: whole } = await start("whole").ended;
  let kills = 0;
  for (;;) {
    const run = start("killed");
    const delay = kills < times ? 300 + Math.random() * 1500 : 2 ** 30;
    const timer = setTimeout(() => run.kill(), delay);
    const { result } = await run.ended;
    clearTimeout(timer);
    if (result === undefined) {
      kills++;
      continue;
    }
    console.log(
      `killed ${kills} times; the result is ${result === whole ? "the same" : "ANOTHER"}: ` +
        `${result.length} characters of front, hall, counts and curve`,
    );
    if (result !== whole) Deno.exit(1);
    return;
  }
}
