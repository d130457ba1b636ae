/** The graph of a model while a loss and gradients are written behind it. */
import { create } from "@bufbuild/protobuf";
import {
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { Names } from "../onnx/names.ts";
import { type Branch, branchOf } from "./branch.ts";
import { type Attributes, Builder, type Maker } from "./emit.ts";
import { finished, type FinishedGraph, type Outputs } from "./finish.ts";
import { folded } from "./fold.ts";
import { roundsOf } from "./loop.ts";
import { attributeOf, attributesOf, declared, infoOf, refined, UNKNOWN } from "./proto.ts";
import { capturedBy, nameOf, opsetOf } from "./read.ts";
import { At, NONE, type Place, type Row, type Rows } from "./rows/row.ts";
import { kindOf, tensorOf } from "./tensor.ts";
import {
  DataType,
  isFloat,
  type Kind,
  product,
  type Shape,
  spellShape,
  type Value,
} from "./value.ts";

/** An operator in the graph. */
export interface GraphNode extends Maker {
  readonly place: Place;
  readonly row: Row | undefined;
  readonly outputs: Value[];
  /** What graphs inside it read. */
  readonly captured: readonly Value[];
  readonly proto: NodeProto;
}

/** What a graph is read with. */
export interface GraphReading {
  readonly rows: Rows;
  readonly doing: string;
  /** The initializers that gradients are taken by. */
  readonly params: ReadonlySet<string>;
  /** Whether a gradient comes back through a node, should one go into it. */
  leadsToLoss(node: NodeProto): boolean;
}

/** A graph that grows. */
export class Graph extends Builder {
  readonly opset: number;
  /** In the order that they run in. */
  readonly nodes: GraphNode[] = [];
  /** What is another value after a step, such as running statistics, by name. */
  readonly carried: Map<string, Value> = new Map();
  /** How likely 0 is in inputs that are drawn for each step, by name. */
  readonly masks: Map<string, number> = new Map();
  readonly #reading: GraphReading;
  readonly #names = new Names();
  readonly #values = new Map<string, Value>();
  readonly #makers = new Map<string, GraphNode>();
  readonly #tensors = new Map<string, TensorProto>();
  readonly #inputs: ValueInfoProto[] = [];
  readonly #active = new Set<string>();
  readonly #sources = new Map<string, readonly [Value, number]>();
  readonly #constants = new Map<string, Value>();
  /** The names that nothing in the file knows of. */
  readonly #written = new Set<string>();
  #scope = "";
  #place: Place;

  constructor({ graph, ...model }: ModelProto, reading: GraphReading) {
    super();
    this.#reading = reading;
    this.opset = opsetOf(model as ModelProto);
    this.#place = { op: "the graph", name: graph!.name, doing: reading.doing };
    const { input, initializer, valueInfo, output, node } = graph!;
    for (const { name } of [...input, ...initializer]) this.#names.take(name);
    for (const each of node) for (const name of each.output) this.#names.take(name);
    const isInput = new Set(input.map(({ name }) => name));
    for (const tensor of initializer) {
      this.#tensors.set(tensor.name, tensor);
      const isParam = reading.params.has(tensor.name);
      const kind = kindOf(tensor);
      const isOpen = isParam || isInput.has(tensor.name);
      this.#add({ ...kind, name: tensor.name, known: isOpen ? undefined : kind.known });
      if (isParam) this.#active.add(tensor.name);
    }
    for (const value of input) {
      if (this.#tensors.has(value.name)) continue;
      this.#inputs.push(value);
      this.#add({ ...declared(value), name: value.name });
    }
    const said = new Map([...valueInfo, ...output].map((each) => [each.name, declared(each)]));
    for (const each of node) this.#take(each, said, reading.leadsToLoss(each));
  }

  /** The value of a name, or undefined. */
  named(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** An input of the graph, or undefined. */
  inputOf(name: string): Value | undefined {
    return this.#inputs.some((each) => each.name === name) ? this.#values.get(name) : undefined;
  }

  /** The names of all values. */
  get names(): string[] {
    return [...this.#values.keys()];
  }

  /** Whether a value depends on a parameter by a way that a gradient can go. */
  isActive(value: Value): boolean {
    return this.#active.has(value.name);
  }

  /** Does `write` with names that begin with `scope`, and errors that name `place`. */
  within<T>(scope: string, place: Place | undefined, write: () => T): T {
    const before = [this.#scope, this.#place] as const;
    [this.#scope, this.#place] = [scope, place ?? this.#place];
    try {
      return write();
    } finally {
      [this.#scope, this.#place] = before;
    }
  }

  /** What a row needs to give the gradients of a node's inputs. */
  at({ place, inputs, outputs, attributes }: GraphNode): At {
    return new At(
      this,
      place,
      inputs,
      outputs,
      attributes,
      outputs.length,
      (value) => this.isActive(value),
    );
  }

  override emitAll(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    count: number,
  ): Value[] {
    const row = this.#reading.rows[op];
    if (row === undefined) throw new Error(`no row tells the shape of ${op}`);
    const outputs = Array.from({ length: count }, () => this.#names.fresh(`${this.#scope}${op}`));
    for (const name of outputs) this.#written.add(name);
    const proto = create(NodeProtoSchema, {
      opType: op,
      name: outputs[0],
      input: inputs.map((value) => value?.name ?? ""),
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
    });
    return this.#append(proto, row, inputs, attributes, new Map());
  }

  override constant(values: readonly number[], type: DataType, shape: readonly number[]): Value {
    const shown = values.map((value) => Object.is(value, -0) ? "-0" : value).join(", ");
    const key = `${type} ${shape.join()} ${shown}`;
    if (!this.#constants.has(key)) {
      const text = shown.length > 40 ? "list" : shape.length === 0 ? shown : `[${shown}]`;
      const name = this.#names.fresh(`constant/${text}`);
      this.#tensors.set(name, tensorOf(name, values, type, shape));
      const known = shape.length <= 1 ? values : undefined;
      this.#constants.set(key, this.#add({ name, type, shape, known }));
    }
    return this.#constants.get(key)!;
  }

  override outputOf(value: Value, index: number): Value {
    const node = this.#makers.get(value.name)!;
    const { place, inputs, attributes, row, outputs, proto } = node;
    if (outputs[index] !== undefined && outputs[index].name !== "") return outputs[index];
    const kinds = row!.shape(new At(this, place, inputs, [], attributes, index + 1));
    while (outputs.length < index) outputs.push({ ...kinds[outputs.length], name: "" });
    const name = this.#names.fresh(`${nameOf(proto)}/${index}`);
    outputs[index] = this.#add({ ...kinds[index], name });
    proto.output = outputs.map((each) => each.name);
    this.#makers.set(name, node);
    return outputs[index];
  }

  override makerOf(value: Value): GraphNode | undefined {
    return this.#makers.get(value.name);
  }

  override stop(value: Value): Value {
    this.#active.delete(value.name);
    return value;
  }

  override input(name: string, type: DataType, shape: Shape): Value {
    if (!this.#names.take(name)) {
      this.refuse(
        `its graph has a value ${quoted(name)} already, and a new input would be called so`,
      );
    }
    this.#inputs.push(infoOf({ name, type, shape }));
    return this.#add({ name, type, shape });
  }

  override mask(shape: Shape, probability: number): Value {
    for (const size of shape) {
      const source = typeof size === "number" ? undefined : this.#sources.get(size)?.[0].name;
      if (typeof size === "number" || (source && this.inputOf(source) !== undefined)) continue;
      this.refuse(
        `the sizes of what it drops must be known, or be sizes of inputs of the model: given ` +
          `${spellShape(shape)}; export the model for one batch size`,
      );
    }
    const name = this.#names.fresh(`mask/${this.#place.name}`);
    const value = { name, type: DataType.FLOAT, shape };
    this.masks.set(name, probability);
    this.#inputs.push(infoOf(value));
    return this.#add(value);
  }

  override carry(value: Value, next: Value): void {
    // What is computed anew in each step is not held between steps.
    if (this.makerOf(value) !== undefined) return;
    if (!this.#tensors.has(value.name)) {
      this.refuse(
        `${quoted(value.name)} must be an initializer, since it changes from step to step`,
      );
    }
    if (this.carried.has(value.name)) {
      this.refuse(
        `${
          quoted(value.name)
        } must be read by one operator alone, since that changes it from step to ` +
          "step: export the model so that equal initializers are not merged",
      );
    }
    this.carried.set(value.name, next);
  }

  override refuse(reason: string): never {
    const { doing, op, name } = this.#place;
    throw new GradusError(`${doing}: operator ${op} at ${quoted(name)}: ${reason}`);
  }

  protected override sourceOf(size: string): readonly [Value, number] | undefined {
    return this.#sources.get(size);
  }

  /** Adds a node of the file, written out in others if its row says so. */
  #take(node: NodeProto, said: ReadonlyMap<string, Kind>, leads: boolean): void {
    const { doing, rows } = this.#reading;
    const isOwn = node.domain === "" || node.domain === "ai.onnx";
    const op = isOwn ? node.opType : `${node.domain}.${node.opType}`;
    const row = Object.hasOwn(rows, op) ? rows[op] : undefined;
    const inputs = node.input.map((name) => this.#values.get(name));
    const attributes = attributesOf(node);
    const place = { op, name: nameOf(node), doing };
    const condition = isOwn && node.opType === "If" ? inputs[0]?.known?.[0] : undefined;
    const branch = typeof condition === "number" ? branchOf(node, condition !== 0) : undefined;
    if (branch !== undefined) {
      this.within("", place, () => this.#give(node, this.#run(branch, [], leads)));
      return;
    }
    const isActive = inputs.some((value) => value !== undefined && this.isActive(value));
    const isCapturing = () =>
      capturedBy(node).some((name) => this.#active.has(this.#values.get(name)?.name ?? ""));
    if (isOwn && node.opType === "Loop" && leads && (isActive || isCapturing())) {
      this.within(`${place.name}/`, place, () => {
        const run = (copy: Branch, given: readonly Value[]) => this.#run(copy, given, leads);
        this.#give(node, roundsOf(node, inputs, this, run));
      });
      return;
    }
    const isLowered = row?.lower !== undefined && (row.always || (isActive && leads));
    const written = isLowered
      ? this.within(`${place.name}/`, place, () => {
        const needs = (value: Value) => this.isActive(value);
        return row.lower!(new At(this, place, inputs, [], attributes, node.output.length, needs));
      })
      : undefined;
    if (written === undefined) {
      if (row !== undefined && node.opType === "Reshape") inputs[1] = this.#settled(inputs[1]);
      this.within("", place, () => this.#append(node, row, inputs, attributes, said));
      return;
    }
    this.#give(node, written);
  }

  /** Has the outputs of a node stand for `values`. */
  #give(node: NodeProto, values: readonly (Value | undefined)[]): void {
    node.output.forEach((name, i) => {
      if (name !== "" && values[i] !== undefined) this.#values.set(name, values[i]);
    });
  }

  /** Adds a graph that is written out, and gives what it makes of what it is `given`. */
  #run(
    { inputs, node: nodes, initializer, said, outputs }: Branch,
    given: readonly Value[],
    leads: boolean,
  ): Value[] {
    inputs.forEach((name, i) =>
      this.#values.set(name, given[i] ?? this.refuse("a graph inside must be given all it reads"))
    );
    for (const tensor of initializer) {
      this.#tensors.set(tensor.name, tensor);
      this.#add({ ...kindOf(tensor), name: tensor.name });
    }
    const kinds = new Map(said.map((each) => [each.name, declared(each)]));
    for (const each of nodes) {
      const missing = each.input.find((name) => name !== "" && !this.#values.has(name));
      if (missing !== undefined) this.refuse(`${quoted(missing)} is read before it is made`);
      this.#take(each, kinds, leads);
    }
    return outputs.map((name) =>
      this.#values.get(name) ?? this.refuse(`${quoted(name)} is made nowhere`)
    );
  }

  /** Sizes of which but one is open as a constant, which no node need compute. */
  #settled(sizes: Value | undefined): Value | undefined {
    const known = sizes?.known;
    const isOne = known?.filter((size) => typeof size === "string").length === 1 &&
      !known.includes(0) && !known.includes(-1);
    return isOne ? this.ints(known.map((size) => typeof size === "string" ? -1 : size)) : sizes;
  }

  #append(
    proto: NodeProto,
    row: Row | undefined,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    said: ReadonlyMap<string, Kind>,
  ): Value[] {
    const { opType: op } = proto;
    const place = { op, name: nameOf(proto), doing: this.#reading.doing };
    const at = new At(this, place, inputs, [], attributes, proto.output.length);
    if (inputs.some((value) => value?.items !== undefined)) {
      at.refuse("it is given a sequence of tensors, which only operators on sequences take");
    }
    const kinds = row?.shape(at) ?? [];
    const outputs = proto.output.map((name, i): Value => {
      const kind = refined(kinds[i] ?? UNKNOWN, said.get(name));
      const known = kind.known ?? (i === 0 ? folded(at, kind) : undefined);
      const value = {
        ...kind,
        known: kind.shape && known?.length === product(kind.shape) ? known : undefined,
        name,
      };
      if (name !== "") this.#add(value);
      return value;
    });
    const captured = capturedBy(proto).flatMap((name) => this.#underName(name) ?? []);
    const node = { op, place, row, inputs, outputs, attributes, captured, proto };
    this.nodes.push(node);
    const isActive = row?.gradient !== NONE &&
      [...inputs, ...captured].some((value) => value !== undefined && this.isActive(value));
    for (const value of outputs) {
      this.#makers.set(value.name, node);
      // What is of no known type may be floats.
      const isPath = isFloat(value.type) || value.type === DataType.UNDEFINED;
      if (isActive && isPath) this.#active.add(value.name);
    }
    return outputs;
  }

  /** A value under its name in the file, by which graphs inside a node read it. */
  #underName(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value === undefined || value.name === name) return value;
    const { Identity } = this.#reading.rows;
    const input = [value.name];
    const copy = create(NodeProtoSchema, { opType: "Identity", name, input, output: [name] });
    return this.#append(copy, Identity, [value], {}, new Map())[0];
  }

  #add(value: Value): Value {
    this.#values.set(value.name, value);
    value.shape?.forEach((size, axis) => {
      if (typeof size === "string" && !this.#sources.has(size)) {
        this.#sources.set(size, [value, axis]);
      }
    });
    return value;
  }

  /**
   * The graph as far as `outputs`, by their names, need it. `kept` are initializers that stay whether they are
   * read or not.
   */
  finish(name: string, outputs: Outputs, kept: Iterable<string>): FinishedGraph {
    const parts = {
      nodes: this.nodes,
      tensors: this.#tensors,
      inputs: this.#inputs,
      carried: [...this.carried].map(([each, next]) => [this.#values.get(each)!, next] as const),
      isWritten: (each: string) => this.#written.has(each),
    };
    return finished(parts, name, outputs, kept);
  }
}
