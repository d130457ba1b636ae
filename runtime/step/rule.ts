/** What makes the steps of a program by its own hyperparameters. */
import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { sizeHypers } from "../plan/sizes.ts";
import { isScheduled, type Setting } from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import type { StateStorage } from "../trees/state_storage.ts";
import { groupedAlike } from "./alike.ts";
import { Binding } from "./binding.ts";
import type { Rule } from "./device.ts";
import type { StepForm } from "./form.ts";

/** A program with values for its hyperparameters. */
export interface Configured {
  /** What a step computes. */
  readonly program: Program;
  /** The hyperparameters it was made with. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Types that states are stored in where they differ from the parameter's. */
  readonly storage: StateStorage;
  /** What asks a function of the caller for what a step needs besides; left out for most optimizers. */
  readonly oracle?: { readonly name: string } | undefined;
}

/** Refuses an optimizer whose steps ask a function of their caller. */
export function requireNoOracle({ oracle }: Configured, doing: string): void {
  if (oracle === undefined) return;
  throw new GradusError(
    `${doing}: a step must follow from its program: "${oracle.name}" asks a function of the caller's too`,
  );
}

/** The steps of a program by its own hyperparameters. */
export function ruleOf({ program, settings, storage }: Configured): Rule<StepForm> {
  const fixed = sizeHypers(program);
  for (const name of fixed) {
    if (!isScheduled(settings.get(name)!.value)) continue;
    throw new GradusError(
      `Cannot make "${program.name}": hyperparameter \`${name}\` must be a number, since states have ` +
        `sizes by it: given a schedule`,
    );
  }
  return new SettingsRule(program, settings, storage, fixed);
}

/** What makes steps of settings. */
class SettingsRule implements Rule<StepForm> {
  readonly program: Program;
  readonly storage: StateStorage;
  readonly #settings: Configured["settings"];
  readonly #fixed: ReadonlySet<string>;
  #writable: readonly string[] | undefined;

  constructor(
    program: Program,
    settings: Configured["settings"],
    storage: StateStorage,
    fixed: ReadonlySet<string>,
  ) {
    this.program = program;
    this.storage = storage;
    this.#settings = settings;
    this.#fixed = fixed;
  }

  get writable(): readonly string[] {
    return this.#writable ??= [...this.#settings].flatMap(([name, { value }]) =>
      typeof value === "boolean" || this.#fixed.has(name) ? [] : [name]
    );
  }

  bind(layout: Layout, params: object, doing: string): Binding {
    const { program } = this;
    const made = groupedAlike(program, this.#settings, layout, params, doing);
    return new Binding(program, this.#settings, layout, params, doing, undefined, made);
  }
}
