/**
 * Steps of those leaves that have gradients, where others have none: the groups of a step with fewer leaves,
 * and without those that have none left. A device need not know.
 */
import type { Program } from "../../dsl/program.ts";
import type { Bound, Present } from "./device.ts";
import type { StepForm, StepKey } from "./form.ts";
import type { Group } from "./groups.ts";

/** Some leaves of a tree, by their numbers in it. */
export class PresentLeaves implements Present<StepForm> {
  readonly program: Program;
  readonly layout: Present<StepForm>["layout"];
  readonly #whole: Bound<StepForm>;
  readonly #numbers: readonly number[];
  readonly #known = new WeakMap<StepKey, { readonly key: StepKey; readonly kept: number[] }>();

  constructor(whole: Bound<StepForm>, numbers: readonly number[]) {
    [this.program, this.#whole, this.#numbers] = [whole.program, whole, numbers];
    const { leaves, hasShort } = whole.layout;
    this.layout = { leaves: numbers.map((number) => leaves[number]), hasShort };
  }

  livesIn(leaf: number): ReadonlySet<string> {
    return this.#whole.livesIn(this.#numbers[leaf]);
  }

  stateShape(state: string, leaf: number): readonly number[] {
    return this.#whole.stateShape(state, this.#numbers[leaf]);
  }

  form({ key: whole, symbols, used }: StepForm): StepForm {
    let known = this.#known.get(whole);
    if (known === undefined) this.#known.set(whole, known = this.#keyOf(whole));
    return { key: known.key, symbols: known.kept.map((group) => symbols[group]), used };
  }

  /** The plan of these leaves, and which groups it keeps. */
  #keyOf({ binding, program, keys, late }: StepKey): {
    readonly key: StepKey;
    readonly kept: number[];
  } {
    const left = new Map<Group, Group & { readonly leaves: number[] }>();
    const groupOf = this.#numbers.map((number, leaf) => {
      const whole = binding.groupOf[number];
      const group = left.get(whole) ?? { ...whole, leaves: [] };
      left.set(whole, group);
      group.leaves.push(leaf);
      return group;
    });
    const kept = binding.groups.flatMap((group, i) => left.has(group) ? [i] : []);
    const groups = kept.map((i) => left.get(binding.groups[i])!);
    return {
      key: {
        binding: {
          ...{ layout: this.layout, groups, groupOf, live: binding.live },
          masked: new Map(
            [...binding.masked].map(([name, each]) => [name, kept.map((i) => each[i])]),
          ),
          views: this.#numbers.map((number) => binding.views[number]),
        },
        program,
        keys: kept.map((i) => keys[i]),
        late: late.map(({ numbersAt, ...each }) => ({
          ...each,
          numbersAt: (count) => {
            const numbers = numbersAt(count);
            return kept.map((i) => numbers[i]);
          },
        })),
      },
      kept,
    };
  }
}
