/** What a step of groups comes to: its numbers, and the plan that they choose. */
import { GradusError } from "../../dsl/errors.ts";
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
  /** The hyperparameters whose schedules follow a number that is not known before the step. */
  readonly late: readonly LateSchedule[];
}

/** A schedule that follows a state kept once for the tree, whose number only the device knows. */
export interface LateSchedule {
  /** The hyperparameter. */
  readonly name: string;
  /** The state. */
  readonly clock: string;
  /** Its numbers, by group, where the clock shows `count`. */
  numbersAt(count: number): readonly number[];
}

/** Refuses schedules that follow a number which only the device knows. */
export function requireKnownClocks({ late }: StepKey, doing: string): void {
  if (late.length === 0) return;
  throw new GradusError(
    `${doing}: a schedule must follow a number that is known before the step: it follows state ` +
      `\`${late[0].clock}\`, which is computed from gradients`,
  );
}

/** The numbers of a step and the plan they choose. */
export interface StepForm extends Form {
  readonly key: StepKey;
  /** The value of every symbol that changes once a step, by group; the next step writes over it. */
  readonly symbols: readonly ReadonlyMap<string, number>[];
}
