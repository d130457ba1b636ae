/**
 * What the table knows of an operator of ONNX: a row is `{ shape, gradient?, lower? }`.
 *
 * - `shape(at)` gives the type and shape of each output, and small constants as far as they are known.
 * - `gradient(g, at)` is given the gradients of the outputs (undefined where none comes back) and gives
 *   those of the inputs, undefined for inputs that have none; `at.needs(i)` says whether input `i` is asked
 *   for. A row without one is refused by name where a gradient would have to go through it; `NONE` is the gradient
 *   of what is constant step by step, such as a shape.
 * - `lower(at)` writes the operator out in others, of which the gradient is taken: done where a gradient
 *   goes through it, and everywhere if `always` is true. It may give undefined to leave it as it is.
 *
 * `at.build` writes operators; each needs a row too, since shapes follow from it. `at.refuse` is for all that a
 * row does not know: an attribute, an axis that is no constant, a size that is open.
 */
import type { AttributeProto } from "onnx-buf";
import type { Attributes, Builder } from "../emit.ts";
import { GradusError, quoted, shown } from "../../../dsl/errors.ts";
import { isFloat, type Kind, type Shape, type Size, spellShape, type Value } from "../value.ts";

/** One operator. */
export interface Row {
  shape(at: At): readonly Kind[];
  readonly gradient?: Gradient;
  lower?(at: At): readonly Value[] | undefined;
  readonly always?: true;
}

/** The gradients of an operator's inputs, of those of its outputs. */
export type Gradient = (
  gradients: readonly (Value | undefined)[],
  at: At,
) => readonly (Value | undefined)[];

/** Rows by the names of their operators. */
export type Rows = Readonly<Record<string, Row>>;

/** The gradient of what no small change of an input changes. */
export const NONE: Gradient = () => [];

/** What a node is called in messages. */
export interface Place {
  readonly op: string;
  readonly name: string;
  /** What is being done, for messages. */
  readonly doing: string;
}

/** An operator at its place in a graph. */
export class At {
  readonly build: Builder;
  readonly place: Place;
  readonly inputs: readonly (Value | undefined)[];
  /** Empty while their shapes are being found. */
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  /** How many outputs there are. */
  readonly count: number;
  readonly #needs: (value: Value) => boolean;

  constructor(
    build: Builder,
    place: Place,
    inputs: readonly (Value | undefined)[],
    outputs: readonly Value[],
    attributes: Attributes,
    count: number,
    needs: (value: Value) => boolean = () => false,
  ) {
    [this.build, this.place, this.inputs, this.outputs] = [build, place, inputs, outputs];
    [this.attributes, this.count, this.#needs] = [attributes, count, needs];
  }

  /** The input that must be there. */
  input(i: number): Value {
    return this.inputs[i] ?? this.refuse(`input ${i} must be there`);
  }

  /** Whether the gradient of an input is asked for. */
  needs(i: number): boolean {
    const value = this.inputs[i];
    return value !== undefined && this.#needs(value);
  }

  /** The shape of an input, which must be known as far as the number of its dimensions. */
  shape(i: number): Shape {
    return this.input(i).shape ??
      this.refuse(`the number of dimensions of ${quoted(this.input(i).name)} must be known`);
  }

  /** A whole number. */
  int(name: string, otherwise?: number): number {
    const value = this.#own(name) ?? otherwise;
    return typeof value === "number" ? value : this.#refuseAttribute(name, "a whole number", value);
  }

  /** Whole numbers; undefined if there are none and nothing is said. */
  ints(name: string): readonly number[] | undefined {
    const value = this.#own(name);
    if (value === undefined || Array.isArray(value)) return value as readonly number[] | undefined;
    return this.#refuseAttribute(name, "a list of whole numbers", value);
  }

  /** A number. */
  float(name: string, otherwise: number): number {
    const value = this.#own(name);
    if (value === undefined) return otherwise;
    if (typeof value === "object" && "float" in value) return value.float;
    return this.#refuseAttribute(name, "a number", value);
  }

  /** Text. */
  text(name: string, otherwise: string): string {
    const value = this.#own(name) ?? otherwise;
    return typeof value === "string" ? value : this.#refuseAttribute(name, "text", value);
  }

  /** Whether there is such an attribute. */
  has(name: string): boolean {
    return this.#own(name) !== undefined;
  }

  /** An axis counted from 0, of `rank`. */
  axis(given: number, rank: number): number {
    const axis = given < 0 ? given + rank : given;
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    return this.refuse(`an axis must be from ${-rank} to ${rank - 1}: given ${given}`);
  }

  /** Whole numbers or sizes of an input that must be a constant of the graph; undefined if it is left out. */
  sizes(i: number, what: string): readonly Size[] | undefined {
    const value = this.inputs[i];
    if (value === undefined) return undefined;
    return value.known ??
      this.refuse(
        `${what} must be constant, and ${quoted(value.name)} is not known before it runs`,
      );
  }

  /** The numbers of an input that must be a constant of the graph; undefined if it is left out. */
  numbers(i: number, what: string): readonly number[] | undefined {
    const sizes = this.sizes(i, what);
    const open = sizes?.find((size) => typeof size !== "number");
    if (open === undefined) return sizes as readonly number[] | undefined;
    return this.refuse(`${what} must be constant: given ${spellShape(sizes)}`);
  }

  /** A list that is an attribute in some versions of the operator and an input in others. */
  listOf(name: string, i: number, what: string): readonly number[] | undefined {
    return this.ints(name) ?? this.numbers(i, what);
  }

  /** Refuses an input of other than floats. */
  float32(i: number): Value {
    const value = this.input(i);
    return isFloat(value.type) ? value : this.refuse(`${quoted(value.name)} must be of floats`);
  }

  /** The operator cannot be taken as it stands: an error that names it. */
  refuse(reason: string): never {
    const { doing, op, name } = this.place;
    throw new GradusError(`${doing}: operator ${op} at ${quoted(name)}: ${reason}`);
  }

  /** An attribute of another kind, as it is in the file. */
  proto(name: string): AttributeProto | undefined {
    const value = this.#own(name);
    return typeof value === "object" && "proto" in value ? value.proto : undefined;
  }

  #own(name: string): Attributes[string] | undefined {
    return Object.hasOwn(this.attributes, name) ? this.attributes[name] : undefined;
  }

  #refuseAttribute(name: string, what: string, value: unknown): never {
    return this.refuse(`its attribute ${quoted(name)} must be ${what}: given ${shown(value)}`);
  }
}
