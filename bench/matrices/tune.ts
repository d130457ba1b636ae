/** Chooses a setting for each contestant: the one that reached the target first, or came nearest to it. */
import { CONTESTANTS, type Setting, SETTINGS } from "./contestants.ts";
import { type Course, race, type Run } from "./race.ts";

/** What came of a setting. */
export interface Trial extends Setting {
  readonly reached: number | undefined;
  /** The last held-out loss; NaN where there is none. */
  readonly loss: number;
}

/** What came of all settings of a contestant, the best of them first. */
export type Trials = Readonly<Record<string, readonly Trial[]>>;

/** Tries every setting of every contestant on one seed. */
export async function tune(course: Omit<Course, "stops">): Promise<Trials> {
  const trials: Record<string, Trial[]> = {};
  for (const setting of SETTINGS) {
    const optimizers = Object.values(CONTESTANTS).map((made) =>
      made(setting, course.network.matrices)
    );
    const runs = await race(optimizers, { ...course, stops: true });
    Object.keys(CONTESTANTS).forEach((name, i) =>
      (trials[name] ??= []).push({ ...setting, ...outcome(runs[i]) })
    );
  }
  for (const all of Object.values(trials)) all.sort(better);
  return trials;
}

function outcome({ reached, losses }: Run): Pick<Trial, "reached" | "loss"> {
  return { reached, loss: losses.at(-1) ?? NaN };
}

function better(a: Trial, b: Trial): number {
  const [x, y] = [a, b].map(({ reached = Infinity }) => reached);
  if (x !== y) return x - y;
  const [p, q] = [a, b].map(({ loss }) => Number.isNaN(loss) ? Infinity : loss);
  return p === q ? 0 : p - q;
}
