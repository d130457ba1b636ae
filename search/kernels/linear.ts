/** Layers that multiply rows by weights: forward, and both gradients. */
import type { Code } from "../../runtime/backends/wasm/code.ts";
import type { Kernel } from "./kernel.ts";
import { product, transposition } from "./product.ts";

/** Rows of so many inputs that become rows of so many outputs, by weights of inputs × outputs. */
export interface LinearSizes {
  readonly name: string;
  /** All three are multiples of 4. */
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Whether results are added to what is there, or the gradient of the inputs is. */
  readonly added?: "results" | "back";
}

/** The functions of a layer. */
export function linearFunctions({ name, rows, inputs, outputs, added }: LinearSizes): Code[] {
  const forward = { rows, depth: inputs, columns: outputs, left: [inputs, 1] } as const;
  const weights = { rows: inputs, depth: rows, columns: outputs, left: [1, inputs] } as const;
  const back = { rows, depth: outputs, columns: inputs, left: [outputs, 1] } as const;
  return [
    product(`${name}.forward`, { ...forward, isAdded: added === "results" }),
    product(`${name}.weights`, weights),
    product(`${name}.back`, { ...back, isAdded: added === "back" }),
    transposition(`${name}.turn`, { rows: inputs, columns: outputs }),
  ];
}

/** A layer of a kernel; all that is given is an address in bytes. */
export interface Linear {
  forward(to: number, from: number, weights: number): void;
  /** The gradient of the weights, of inputs and of the results' gradient. */
  gradient(to: number, inputs: number, slope: number): void;
  /** The gradient of the inputs, of the results' gradient. */
  back(to: number, slope: number, weights: number): void;
}

/** The layers of these sizes, whose functions a kernel has. */
export function linearLayers<Name extends string>(
  kernel: Kernel,
  sizes: readonly (LinearSizes & { readonly name: Name })[],
): Readonly<Record<Name, Linear>> {
  const turned = kernel.take(Math.max(...sizes.map(({ inputs, outputs }) => inputs * outputs)));
  return Object.fromEntries(sizes.map(({ name }): [string, Linear] => {
    const [forward, gradient, multiply, turn] = ["forward", "weights", "back", "turn"].map((each) =>
      kernel.run[`${name}.${each}`]
    );
    return [name, {
      forward,
      gradient,
      back(to, slope, weights) {
        turn(turned.at, weights);
        multiply(to, slope, turned.at);
      },
    }];
  })) as Record<Name, Linear>;
}
