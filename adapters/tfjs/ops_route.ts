/** Steps variables by tfjs's own operations. */
import { elementInputs } from "../../runtime/backends/backend.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ruleOf } from "../../runtime/step/rule.ts";
import type { StepForm } from "../../runtime/step/form.ts";
import { Step } from "../../runtime/step/step.ts";
import type { State } from "../../runtime/trees/state.ts";
import { operationsOf } from "./ops.ts";
import { Named } from "./named.ts";
import { OpsDevice } from "./ops_device.ts";
import { type Route, type RouteStep, type StateLeaf, treeOf, type Variables } from "./route.ts";
import type { Tfjs, TfTensor, TfVariable } from "./tf.ts";

/** The way of backends that Gradus has no way into. */
export class OpsRoute implements Route {
  readonly #tf: Tfjs;
  readonly #steps: Named<Step<TfVariable, StepForm>>;
  readonly #states: readonly string[];
  readonly #inputs: readonly string[];
  readonly #doing: string;

  constructor(tf: Tfjs, optimizer: Optimizer, doing: string) {
    [this.#tf, this.#doing] = [tf, doing];
    const { program } = optimizer;
    const device = new OpsDevice(tf, program);
    this.#steps = new Named(
      optimizer,
      (configured) => new Step(ruleOf(configured), device),
      (step) => step.dispose(),
    );
    this.#states = [...program.state.keys()];
    this.#inputs = elementInputs(program);
  }

  init(variables: Variables): State {
    return this.#steps.of(variables).init(Object.fromEntries(variables), this.#doing);
  }

  step({ variables, reads, state, inputs }: RouteStep): void {
    const all = { ...inputs };
    this.#inputs.forEach((name, k) => all[name] = treeOf(reads, (tensors) => tensors[k + 1]));
    const gradients = treeOf(reads, ([gradient]) => gradient);
    const params = Object.fromEntries(variables);
    this.#steps.of(variables)
      .step(params, gradients, state, all, this.#doing, { missing: "skip" });
  }

  evaluate(variables: Variables, state: State, doing: string): Map<string, TfTensor> {
    const params = Object.fromEntries(variables);
    const made = Object.entries(this.#steps.of(variables).evaluate(params, state, doing));
    return new Map(
      made.map(([name, variable]) => {
        const tensor = operationsOf(this.#tf).clone(variable);
        variable.dispose();
        return [name, tensor] as const;
      }),
    );
  }

  read(leaf: StateLeaf): ArrayLike<number> {
    return variableOf(leaf).dataSync();
  }

  write(leaf: StateLeaf, numbers: Float32Array): void {
    const tensor = this.#tf.tensor(numbers, [...leaf.shape], "float32");
    variableOf(leaf).assign(tensor);
    tensor.dispose();
  }

  copy(from: StateLeaf, to: StateLeaf): void {
    variableOf(to).assign(variableOf(from));
  }

  tensor(leaf: StateLeaf): TfTensor {
    return operationsOf(this.#tf).clone(variableOf(leaf));
  }

  drop(leaf: StateLeaf): void {
    variableOf(leaf).dispose();
  }

  release(state: State): void {
    for (const name of this.#states) {
      const tree = state[name];
      if (typeof tree !== "object" || tree === null) continue;
      const leaves = "dataId" in tree ? [tree] : Object.values(tree);
      for (const leaf of leaves) this.drop(leaf);
    }
  }

  dispose(): void {
    this.#steps.dispose();
  }
}

function variableOf(leaf: StateLeaf): TfVariable {
  return leaf as TfVariable;
}
