/** Searches beside their baselines, over seeds, on heavy-tailed noise and on normal noise. */
import {
  baselineSearches,
  handGrids,
  labelsOf,
  labelText,
  quadratic,
  quadraticProxy,
  searched,
  type SearchOptions,
  type SearchResult,
  space,
} from "../../search/mod.ts";

/** Half the width of a 95 % interval of a mean, by Student's t of up to 9 degrees of freedom. */
const T95 = [NaN, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Runs everything and prints tables. */
export async function discovery(seeds: number, trained: number): Promise<void> {
  for (const [name, degrees] of [["heavy-tailed", 2], ["normal", Infinity]] as const) {
    const noise = { degrees, scale: 0.6 };
    const tasks = quadraticProxy(degrees);
    const heldOut = [
      quadratic({ name: "twice the size", size: 128, steps: 600, noise, seeds: [101, 102] }),
      quadratic({ name: "condition 1000", condition: 1000, noise, seeds: [103, 104] }),
      quadratic({ name: "far from 0", optimum: 5, noise, seeds: [105, 106] }),
    ];
    const runs = new Map<string, SearchResult[]>();
    for (let seed = 1; seed <= seeds; seed++) {
      const options: SearchOptions = {
        tasks,
        heldOut,
        seed,
        budget: { trained },
        workers: navigator.hardwareConcurrency,
      };
      for (
        const [kind, each] of Object.entries({ evolution: options, ...baselineSearches(options) })
      ) {
        const result = await searched(each);
        runs.set(kind, [...runs.get(kind) ?? [], result]);
        console.error(name, seed, kind, result.best?.score);
      }
    }
    console.log(`\n## ${name} noise: ${seeds} seeds, ${trained} programs trained\n`);
    console.log(
      "| search | score, mean and 95 % interval | best less tuned constants 4x | held out |",
    );
    console.log("| --- | --- | --- | --- |");
    const reference = runs.get("constants 4x")!.map(({ best }) => best!.score);
    for (const [kind, results] of runs) {
      const scores = results.map(({ best }) => best!.score);
      const ahead = scores.map((score, i) => score - reference[i]);
      const held = results.map(({ best, front, heldOut }) =>
        heldOut[front.findIndex((each) => each === best)]
      );
      console.log(`| ${kind} | ${interval(scores)} | ${interval(ahead)} | ${interval(held)} |`);
    }
    for (const { name, score, heldOut: held, options } of await handGrids(tasks, heldOut)) {
      console.log(
        `| ${name}, grid: ${JSON.stringify(options)} | ${score.toFixed(3)} | | ${
          held!.toFixed(3)
        } |`,
      );
    }
    console.log("\nWhat evolution found, seed by seed:\n");
    runs.get("evolution")!.forEach(({ best, curve }, i) => {
      const { hitRate, redundancy, generated } = curve[curve.length - 1];
      console.log(
        `- seed ${i + 1}: ${best!.score.toFixed(3)}, ${
          labelText(labelsOf(space(), best!.genome))
        }; ` +
          `at ${generated} made ${(100 * hitRate).toFixed(0)} % known, ` +
          `${(100 * redundancy).toFixed(0)} % redundant`,
      );
    });
  }
}

function interval(values: readonly number[]): string {
  const sound = values.filter(Number.isFinite);
  const mean = sound.reduce((a, b) => a + b, 0) / sound.length;
  const exploded = values.length - sound.length;
  const note = exploded === 0 ? "" : `, ${exploded} exploded`;
  if (sound.length < 2) return `${mean.toFixed(3)}${note}`;
  const variance = sound.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (sound.length - 1);
  const half = (T95[sound.length - 1] ?? 1.96) * Math.sqrt(variance / sound.length);
  return `${mean.toFixed(3)} ± ${half.toFixed(3)}${note}`;
}
