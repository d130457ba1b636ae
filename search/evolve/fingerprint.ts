/** What scores follow from, as one name: two builds that score differently have other names. */
import { digestOf } from "../../dsl/digest.ts";
import { printJson } from "../../dsl/json.ts";
import { analyse } from "../analysis/structure.ts";
import { ADAMW, parseGenome } from "../programs/genome.ts";
import { space } from "../programs/space.ts";
import { Evaluator } from "../tasks/evaluator.ts";
import { proxy, proxyNames } from "../tasks/proxies.ts";
import { quadratic } from "../tasks/quadratic.ts";
import { digestOfData } from "./scorer.ts";

let known: Promise<string> | undefined;

/**
 * A name for what this build scores. It is a hash of scores: of AdamW on every proxy, of a program for each function on
 * a quadratic, all after a few steps, and of a training of a sweep; and of the programs of the library, which
 * sweeps train by name.
 */
export function fingerprint(): Promise<string> {
  return known ??= measured();
}

async function measured(): Promise<string> {
  const paper = space();
  const short = await Evaluator.of(paper, proxyNames.map((name) => proxy(name, { steps: 2 })));
  const small = await Evaluator.of(paper, [
    quadratic({ size: 4, block: 4, steps: 2, seeds: [1] }),
  ]);
  const stop = { below: -Infinity };
  // Some functions are of numbers below 1 only, and some of numbers above it.
  const calls = paper.functions.flatMap(({ name, parameters }) =>
    ["tanh", "exp"].map((range) => {
      const operands = parameters.map(({ kind }, i) =>
        kind === "scalar" ? "0.9" : ["a", "w", "m"][i]
      );
      return [
        ...[
          `a = ${range}(g)`,
          "a = abs(a)",
          "m = add(m, a)",
          `x = ${name}(${operands.join(", ")})`,
        ],
        ...["x = mul(x, lr)", "update = add(x, g)"],
      ].join("\n");
    })
  );
  const scoreOf = (evaluator: Evaluator, text: string) =>
    evaluator.evaluate(analyse(paper, parseGenome(paper, text)), stop).scores;
  // All optimizers, which nothing else here needs.
  const [{ runTrial }, { BUILT_IN }] = await Promise.all([
    import("../trials/trial.ts"),
    import("../../zoo/by_name.ts"),
  ]);
  const trial = { optimizer: "adamw", options: { learningRate: 0.1 }, task: "quadratics", seed: 1 };
  return digestOfData([
    scoreOf(short, ADAMW),
    calls.map((text) => scoreOf(small, text)),
    await runTrial({ ...trial, steps: 4, isScored: true }),
    [...BUILT_IN].map(([name, { program }]) => [name, digestOf(printJson(program))]),
  ]).slice(0, 12);
}
