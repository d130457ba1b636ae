/** Generated files of MLX, run by MLX where it is installed, else by a stand-in over NumPy: all beside Gradus. */
import { adamw, cosineDecaySchedule, lion } from "../../../mod.ts";
import { assert } from "../../assert.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonWith, runPython } from "./interpreter.ts";
import { allCases, type Compared } from "./table.ts";

const python = await pythonWith(["numpy"]);
/** A step's numbers are float32: where such are subtracted, or where history multiplies the last bits. */
const TOLERANCE: Readonly<Record<string, number>> = {
  dion2: 3e-6,
  fadam: 1e-5,
  fromage: 2e-6,
  lbfgs: 1e-5,
  scaleByRadam: 2e-6,
};

function one(opt: Parameters<typeof caseOf>[1], name: string, how: object): PythonCase {
  const made = caseOf(name, opt, "mlx");
  assert("made" in made);
  return { ...made.made, how };
}

Deno.test({
  name: "every optimizer as MLX's is Gradus's after 20 steps, and passes its own test",
  ignore: python === undefined,
  fn: async () => {
    const { cases, refused } = allCases("mlx");
    const scheduled = cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 });
    const others = [
      one(adamw({ learningRate: scheduled }), "a schedule of the file's", { reload: true }),
      one(adamw({ learningRate: 0.1 }), "schedules of MLX", {
        scheduled: { learning_rate: 0.1, weight_decay: 1e-4 },
      }),
      one(lion({ learningRate: 0.1 }), "a model that is updated", { model: true }),
    ];
    const script = new URL("run_mlx.py", import.meta.url);
    const results = await runPython(python!, script, [...cases, ...others]) as Compared[];
    for (const { name, largest, error } of results) {
      assert(error === undefined, `${name}: ${error}`);
      assert(largest! <= (TOLERANCE[name] ?? 1e-6), `${name} is off by ${largest}`);
    }
    assert(results.filter(({ same }) => same).length > 40);
    assert(cases.length > 120, `only ${cases.length} are written`);
    for (const [name, why] of refused) {
      assert(/mask|random|no spelling/.test(why), `${name}: ${why}`);
    }
  },
});
