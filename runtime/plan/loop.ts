/** What loops are made of: what they compute and accumulate, what they leave and what they write. */
import type { Node, ReduceOpName } from "../../dsl/node.ts";
import type { Varying } from "./extent.ts";

/**
 * A value that a loop writes. `target` is `""` for the parameter or update, `"w"` for the master copy
 * that is read as `w`, or a state.
 */
export interface Output {
  readonly target: string;
  readonly node: Node;
  readonly extent: Varying;
}

/** A reduction that a loop accumulates: into a cell of the leaf, or towards the `k`th global. */
export interface Accumulation {
  readonly op: ReduceOpName;
  readonly operand: Node;
  /** What the result varies over; global ones vary over nothing. */
  readonly extent: Varying;
  readonly into: { readonly cell: number } | { readonly global: number };
}

/** One fused loop over one extent. */
export interface Loop {
  readonly extent: Varying;
  /** What it computes, operands first; never leaves, scalars or cells. */
  readonly nodes: readonly Node[];
  /** What later loops of the phase read of it. */
  readonly kept: readonly Node[];
  /** What it leaves in temporaries, for products and later phases. */
  readonly stored: readonly Node[];
  readonly accumulations: readonly Accumulation[];
  readonly outputs: readonly Output[];
}

/** What one leaf goes through between two synchronisations; narrow extents first. */
export type Phase = readonly Loop[];

/** A reduction's result within a leaf. */
export interface Cell {
  readonly node: Node;
  readonly op: ReduceOpName;
  readonly extent: Varying;
  /** The extent of what is reduced. */
  readonly from: Varying;
}

/** What a loop reads or computes and then needs. */
export function operandsOf({ nodes, stored, accumulations, outputs }: Loop): Node[] {
  return [
    ...nodes.flatMap(({ src }) => src),
    ...stored,
    ...accumulations.map(({ operand }) => operand),
    ...outputs.map(({ node }) => node),
  ];
}
