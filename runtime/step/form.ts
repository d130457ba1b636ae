/** What a step of groups comes to: its numbers, and the plan that they choose. */
import type { Program } from "../../dsl/program.ts";
import type { FormKey } from "../plan/forms.ts";
import type { Form } from "./device.ts";
import type { Grouped } from "./groups.ts";

/** The plan that a step chooses. */
export interface StepKey {
  /** The groups: others than those of the binding that was asked only if a tree was written across them. */
  readonly binding: Grouped;
  /** What is computed: the program of the binding, or its evaluation. */
  readonly program: Program;
  /** By group. */
  readonly keys: readonly FormKey[];
}

/** The numbers of a step and the plan they choose. */
export interface StepForm extends Form {
  readonly key: StepKey;
  /** The value of every symbol that changes once a step, by group; the next step writes over it. */
  readonly symbols: readonly ReadonlyMap<string, number>[];
}
