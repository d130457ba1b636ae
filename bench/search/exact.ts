/** Exact rules keep every bit of random programs, run by the definition. */
import { simplify } from "../../search/derive/mod.ts";
import { factory, type Program } from "../../mod.ts";
import { printGenome, programOf } from "../../search/mod.ts";
import { paper, randomPrograms } from "./programs.ts";

const STEPS = 20;
/** Gradients that most rules would get wrong if any did. */
const SPECIAL = [0, -0, Infinity, -Infinity, NaN, 1e-40, 3e38];

/** The updates of all steps. */
function updatesOf(program: Program): Float32Array {
  const options: Record<string, number> = program.hyper.has("learningRate")
    ? { learningRate: 0.5 }
    : {};
  const opt = factory<Record<string, number>>(program)(options).with({ backend: "interpreter" });
  const params = [Float32Array.from({ length: 8 }, (_, i) => Math.sin(i + 1)), Float32Array.of(-2)];
  const all = new Float32Array(STEPS * 9);
  let state = opt.init(params);
  for (let step = 0; step < STEPS; step++) {
    const gradients = params.map((data, leaf) =>
      data.map((_, i) =>
        (step + i) % 5 === 4 && leaf === 0 && step > 10
          ? SPECIAL[(step + 3 * i) % SPECIAL.length]
          : Math.tan(1.7 * i + step + leaf)
      )
    );
    const [updates, next] = opt.update(gradients, state, params);
    state = next;
    all.set(updates[0], 9 * step);
    all.set(updates[1], 9 * step + 8);
    updates.forEach((update, leaf) => update.forEach((u, i) => params[leaf][i] += u));
  }
  return all;
}

/** Simplifies so many programs as they were made, redundant statements included, and runs both. */
export function exact(count: number): void {
  let [before, after, steps, differing, run] = [0, 0, 0, 0, 0];
  for (const genome of randomPrograms(count)) {
    const raw = programOf(paper, genome, { redundant: true });
    const { program, trace } = simplify(raw, { allow: "exact" });
    before += raw.statements.length;
    after += program.statements.length;
    steps += trace.length;
    const [wanted, given] = [updatesOf(raw), updatesOf(program)];
    if (!wanted.every((u, i) => Object.is(u, given[i]))) {
      differing++;
      console.error(printGenome(paper, genome));
    }
    if (++run % 10_000 === 0) console.error(`${run} programs, ${differing} differ`);
  }
  const mean = (sum: number) => (sum / count).toFixed(1);
  console.log(
    `${count} random programs, simplified by exact rules in ${mean(steps)} steps from ` +
      `${mean(before)} to ${
        mean(after)
      } statements: ${differing} differ from the raw ones in a bit of ` +
      `an update within ${STEPS} steps.`,
  );
}
