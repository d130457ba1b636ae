/** The inside of a function as it is written: its inputs, and nodes with names of their own. */
import type { Node } from "../../dsl/node.ts";
import { spellNumber } from "./constants.ts";
import { Names } from "./names.ts";
import { cast, type ElementType, node, type NodeInit } from "./proto.ts";

/** What a body is given at an input. */
export type Given =
  | { readonly kind: "leaf"; readonly name: string }
  | { readonly kind: "scalar"; readonly node: Node; readonly type: ElementType }
  | { readonly kind: "constant"; readonly value: number; readonly type: ElementType }
  | { readonly kind: "list"; readonly values: readonly number[] }
  | { readonly kind: "table"; readonly name: string; readonly values: Float32Array }
  | { readonly kind: "kept"; readonly node: Node };

/** Attributes of an operator. */
export type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** Nodes and inputs, each made when it is first asked for. */
export class BodyScope {
  /** The nodes so far. */
  readonly nodes: NodeInit[] = [];
  readonly #names = new Names();
  readonly #leaves: readonly string[];
  readonly #inputs = new Map<string, readonly [name: string, given: Given]>();
  readonly #shared = new Map<string, string>();

  /** `leaves` are the arrays of a leaf: inputs called so come first, in this order. */
  constructor(leaves: readonly string[]) {
    this.#leaves = leaves;
    for (const each of leaves) this.#names.take(each);
  }

  /** What was asked for: arrays, then what earlier bodies made, numbers, and constants. */
  get inputs(): readonly (readonly [name: string, given: Given])[] {
    const kinds: readonly Given["kind"][] = [
      ...["leaf", "kept", "scalar", "constant", "list", "table"] as const,
    ];
    const rank = ([name, { kind }]: readonly [string, Given]) =>
      kind === "leaf" ? this.#leaves.indexOf(name) : 1e6 * (1 + kinds.indexOf(kind));
    return [...this.#inputs.values()].toSorted((a, b) => rank(a) - rank(b));
  }

  /** A name that nothing has yet. */
  fresh(wanted: string): string {
    return this.#names.fresh(wanted);
  }

  /** Writes an operator, and returns what its result is called. */
  write(op: string, operands: readonly string[], wanted: string, attributes?: Attributes): string {
    const name = this.fresh(wanted);
    this.nodes.push(node(op, operands, name, attributes));
    return name;
  }

  /** Writes an operator whose result has its name already. */
  make(output: string, op: string, operands: readonly string[], attributes?: Attributes): void {
    this.nodes.push(node(op, operands, output, attributes));
  }

  /** Writes a conversion whose result has its name already. */
  convert(output: string, value: string, to: ElementType): void {
    this.nodes.push(cast(value, output, to));
  }

  /** `value` of another type, converted once. */
  converted(value: string, from: ElementType, to: ElementType): string {
    if (from === to) return value;
    return this.#once(`${to} ${value}`, () => {
      const name = this.fresh(`${to}(${value})`);
      this.convert(name, value, to);
      return name;
    });
  }

  /** `value` as large as an array of the leaf; `output` is its name if it has one. */
  expanded(value: string, like: string, output?: string): string {
    const shape = this.#once(
      `shape ${like}`,
      () => this.write("Shape", [this.leaf(like)], `shape(${like})`),
    );
    const name = output ?? this.fresh(`${value} like ${like}`);
    this.make(name, "Expand", [value, shape]);
    return name;
  }

  /**
   * The places along an axis of arrays of `rank` axes: those of the parameter's axis `of`, or so many.
   */
  places(axis: number, rank: number, of: number | { length: number }, type: ElementType): string {
    const text = typeof of === "number" ? `index(${of})` : `index(of ${of.length})`;
    return this.#once(`places ${axis} ${text} ${type}`, () => {
      const length = typeof of === "number"
        ? this.write("Squeeze", [
          this.write("Shape", [this.leaf("w")], "length", { start: of, end: of + 1 }),
        ], "length")
        : this.number(of.length, "int64");
      const [zero, one] = [this.number(0, "int64"), this.number(1, "int64")];
      const whole = this.write("Range", [zero, length, one], text);
      const name = this.fresh(text);
      this.convert(name, whole, type);
      const shape = Array.from({ length: rank }, (_, each) => each === axis ? -1 : 1);
      return this.write("Reshape", [name, this.list(shape)], text);
    });
  }

  /** An array of the leaf. */
  leaf(name: string): string {
    return this.#input(`leaf ${name}`, name, { kind: "leaf", name });
  }

  /** A constant. */
  number(value: number, type: ElementType): string {
    const text = type === "bool" ? String(Boolean(value)) : spellNumber(value, type);
    const key = `constant ${type} ${Object.is(value, -0) ? "-0" : value}`;
    return this.#input(key, text, { kind: "constant", value, type });
  }

  /** A constant list. */
  list(values: readonly number[]): string {
    const text = `[${values.join(", ")}]`;
    return this.#input(`list ${text}`, text, { kind: "list", values });
  }

  /** A constant table, which is always that of its name. */
  table(name: string, values: Float32Array): string {
    return this.#input(`table ${name}`, name, { kind: "table", name, values });
  }

  /** A number that changes once a step. */
  scalar(scalar: Node, type: ElementType, wanted: string): string {
    return this.#input(`scalar ${type} ${scalar.id}`, wanted, {
      kind: "scalar",
      node: scalar,
      type,
    });
  }

  /** What an earlier body has made. */
  kept(value: Node, wanted: string): string {
    return this.#input(`kept ${value.id}`, wanted, { kind: "kept", node: value });
  }

  #input(key: string, wanted: string, given: Given): string {
    if (!this.#inputs.has(key)) {
      const name = given.kind === "leaf" ? wanted : this.fresh(wanted);
      this.#inputs.set(key, [name, given]);
    }
    return this.#inputs.get(key)![0];
  }

  #once(key: string, make: () => string): string {
    if (!this.#shared.has(key)) this.#shared.set(key, make());
    return this.#shared.get(key)!;
  }
}
