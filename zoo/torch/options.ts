/** The options of a class of `torch.optim`, checked as they are taken. */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";

/** Options of a class of `torch.optim`, by PyTorch's names. */
export type TorchOptions = Readonly<Record<string, unknown>>;

const DOING = "Cannot make an optimizer of a PyTorch configuration";

/** Refuses a configuration. */
export function refuse(message: string): never {
  throw new GradusError(`${DOING}: ${message}`);
}

/** What one rule takes of its options, each checked as it is taken. */
export interface Taken {
  number(name: string): number;
  truth(name: string): boolean;
  /** What another function is to check. */
  value(name: string): unknown;
  pair(name: string): readonly [number | null, number];
  readonly lr: HyperValue;
}

/** An option that is true or false. */
export function truthOf(name: string, option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  return refuse(`\`${option}\` of ${name} must be true or false: given ${shown(value)}`);
}

/** The options of one class, checked as they are taken. */
export class Options implements Taken {
  readonly #name: string;
  readonly #values: TorchOptions;

  constructor(name: string, values: TorchOptions) {
    this.#name = name;
    this.#values = values;
  }

  get lr(): HyperValue {
    const { lr } = this.#values;
    return typeof lr === "function" ? lr as Schedule : this.number("lr");
  }

  number(name: string): number {
    const value = this.#values[name];
    if (typeof value === "number") return value;
    return refuse(`\`${name}\` of ${this.#name} must be a number: given ${shown(value)}`);
  }

  truth(name: string): boolean {
    return truthOf(this.#name, name, this.#values[name]);
  }

  value(name: string): unknown {
    return this.#values[name];
  }

  pair(name: string): readonly [number | null, number] {
    const value = this.#values[name];
    const isPair = Array.isArray(value) && value.length === 2 && typeof value[1] === "number" &&
      (typeof value[0] === "number" || value[0] === null && name === "eps");
    if (isPair) return value as [number | null, number];
    return refuse(`\`${name}\` of ${this.#name} must be a pair of numbers: given ${shown(value)}`);
  }
}
