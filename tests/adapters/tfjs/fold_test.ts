/** Random programs in tfjs's operations compute what is interpreted. */
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs-core";
import { factory, GradusError, parseProgram, type State, type Tensor } from "../../../mod.ts";
import { toTfjs } from "../../../adapters/tfjs/mod.ts";
import { numberOf } from "../../../adapters/tfjs/saved.ts";
import { assert, assertEquals } from "../../assert.ts";
import { anyProgram } from "../../dsl/generate.ts";
import { arraysOf, inputsOf, optionsOf, type Scenario, scenarios } from "../../runtime/scenario.ts";
import { difference } from "../../webgpu/gpu.ts";
import { on } from "./backends.ts";

type Named = Record<string, Tensor>;
const STEPS = 3;

function named(scenario: Scenario, round: number): Named {
  const arrays = arraysOf(scenario, round) as unknown as Named;
  return scenario.leaves.length === 1 ? { d: arrays as unknown as Tensor } : arrays;
}

/** What comes of some steps by the interpreter, or undefined for what it refuses. */
function interpreted(
  scenario: Scenario,
): { values: Named; state: State } | undefined {
  const made = factory(parseProgram(scenario.generated.document))(optionsOf(scenario));
  const opt = made.with({ backend: "interpreter" });
  const values = named(scenario, 0);
  try {
    const state = opt.init(values);
    for (let i = 0; i < STEPS; i++) {
      opt.step(values, named(scenario, i + 1), state, inputsOf(scenario, i));
    }
    return { values, state };
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

async function computed(scenario: Scenario): Promise<Record<string, readonly number[]>> {
  const made = factory(parseProgram(scenario.generated.document))(optionsOf(scenario));
  const variables = Object.entries(named(scenario, 0)).map(([name, { data, shape }]) =>
    tf.tidy(() => tf.variable(tf.tensor(data, [...shape], "float32"), true, name))
  );
  const opt = toTfjs(made, tf);
  try {
    for (let i = 0; i < STEPS; i++) {
      tf.tidy(() => {
        const gradients = Object.entries(named(scenario, i + 1)).map(([name, { data, shape }]) => ({
          name,
          tensor: tf.tensor(data, [...shape], "float32"),
        }));
        opt.applyGradients(gradients, inputsOf(scenario, i));
      });
    }
    const weights = (await opt.getWeights()).slice(1);
    const all: [string, readonly number[]][] = [];
    for (const each of variables) all.push([each.name, [...await each.data()]]);
    for (const { name, tensor } of weights) {
      const data = await tensor.data();
      all.push([name, name.includes("/") ? [...data] : [numberOf(data)]]);
    }
    return Object.fromEntries(all);
  } finally {
    opt.dispose();
    variables.forEach((each) => each.dispose());
  }
}

Deno.test("1,000 random programs in tfjs's operations compute what is interpreted", async () => {
  let [compared, same] = [0, 0];
  const differing: string[] = [];
  await on("other", async () => {
    for (const [rank, numRuns] of [[0, 580], [2, 580]]) {
      const hasMatrices = rank === 2;
      const drawn = scenarios(anyProgram({ rank, draws: true, hasMatrices }), rank);
      for (const each of fc.sample(drawn, { numRuns, seed: 5 })) {
        const scenario: Scenario = {
          ...each,
          form: "flat",
          muDtype: undefined,
          leaves: each.leaves.map((leaf) => ({ ...leaf, dtype: "float32", isBare: false })),
        };
        const reference = interpreted(scenario);
        if (reference === undefined) continue;
        const { values, state } = reference;
        const given = await computed(scenario);
        const expected: Record<string, number[]> = {};
        for (const [name, { data }] of Object.entries(values)) {
          expected[name] = [...data];
        }
        for (const key of Object.keys(scenario.generated.document.state ?? {})) {
          const tree = state[key];
          if (typeof tree === "number") expected[key] = [tree];
          else {for (const [name, leaf] of Object.entries(tree ?? {})) {
              const { data } = leaf as Tensor;
              if (data.length > 0) expected[`${name}/${key}`] = [...data];
            }}
        }
        compared++;
        const { ofScale } = difference(given, expected);
        if (ofScale <= 1e-4) same++;
        else if (differing.length < 3) differing.push(JSON.stringify(each.generated.document));
      }
    }
  });
  assert(compared >= 1000, `only ${compared} programs were compared`);
  // What rests on a reduction over the tree is float32 here, and float64 there: wild numbers may differ.
  assert(same >= 0.995 * compared, `${compared - same} of ${compared} differ, as ${differing}`);
  assertEquals(tf.memory().numTensors, 0);
});
