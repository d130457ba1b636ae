/** The leaves of an exported step: what each brings, and the bodies that compute it. */
import { GradusError } from "../../dsl/errors.ts";
import { elaborate, evaluation } from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import { foldNodes, type Node, postorder } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { reduceRow } from "../../dsl/ops.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { simplified } from "../../dsl/simplify.ts";
import { settledUpdate, stepped } from "../../runtime/plan/plan.ts";
import type { Binding } from "../../runtime/step/binding.ts";
import type { Group } from "../../runtime/step/groups.ts";
import { sizeOf, spellPath } from "../../runtime/trees/leaf.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { Arithmetic } from "../../runtime/trees/dtype.ts";
import { LEAST_BLOCKED } from "../../runtime/trees/block8.ts";
import { dtypeOf, isUnsigned, seedOf, spellStored } from "../../runtime/trees/stored.ts";
import type { MatrixView } from "../../runtime/trees/view.ts";
import type { Body, BodyKind } from "./body.ts";
import { flatten } from "./flat.ts";
import { type Form, formOf, globalsOf } from "./form.ts";
import type { Hyperparameters } from "./hyper.ts";
import { levelsOf, phasesOf } from "./phases.ts";
import type { ElementType } from "./proto.ts";
import { isStaged } from "./reduce.ts";

/** How a graph is written. */
export interface GraphOptions {
  readonly opset: number;
  readonly inlineFunctions: boolean;
  /** What the numbers that change once a step are computed in, and sums. */
  readonly precision: Arithmetic;
  readonly layout: "tree" | "flat";
  /** Whether it makes what to evaluate with, too. */
  readonly evaluate: boolean;
}

/** Extents; one that is text is open. */
export type Shape = readonly (number | string)[];

/** An array that a leaf brings, by the name of its tree. */
export interface LeafArray {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** Whether it has a next value. */
  readonly isCarried: boolean;
  /** Of what is stored in blocks, whether no number is below 0. */
  readonly blocks?: { readonly isUnsigned: boolean };
}

/** Leaves that are computed alike, and the bodies of their phases; the last makes the results. */
export interface Kind extends BodyKind {
  readonly group: Group;
  readonly phases: readonly Body[];
}

/** A leaf of the graph. */
export interface GraphLeaf {
  readonly path: string;
  readonly kind: Kind;
  readonly arrays: readonly LeafArray[];
  /** The matrices that it is computed as, if it is not as it is. */
  readonly view?: MatrixView | undefined;
}

/** What stands for the next number of each state over the tree. */
export type NextNumbers = ReadonlyMap<string, Node>;

/** The leaves of a graph. */
export class GraphLeaves {
  /** In the order of the tree. */
  readonly all: readonly GraphLeaf[];
  /** The phase after which each reduction over the tree that is read is known. */
  readonly levels: ReadonlyMap<number, number>;
  /** The hyperparameters that are vectors. */
  readonly vectors: ReadonlySet<string>;
  readonly #program: Program;
  readonly #optimizer: Optimizer;
  readonly #hyper: Hyperparameters;
  readonly #options: GraphOptions;
  readonly #doing: string;
  readonly #live: ReadonlySet<string>;
  readonly #bound = new Map<Group, Map<Node, Node>>();
  readonly #after: NextNumbers | undefined;

  /** With `after`, the numbers of the tree that a step has left, it is what is evaluated then. */
  constructor(
    optimizer: Optimizer,
    binding: Binding,
    hyper: Hyperparameters,
    options: GraphOptions,
    doing: string,
    after?: NextNumbers,
  ) {
    [this.#optimizer, this.#hyper, this.#after] = [optimizer, hyper, after];
    this.#program = after === undefined ? optimizer.program : evaluation(optimizer.program);
    [this.#options, this.#doing, this.#live] = [options, doing, binding.live];
    const { leaves } = binding.layout;
    const flat = options.layout === "flat" ? flatten(this.#program, binding, doing) : undefined;
    const groups = flat === undefined ? binding.groups : [flat.group];
    this.vectors = flat?.vectors ?? new Set();
    this.levels = levelsOf(elaborate(this.#program).globals, this.#globalsRead(groups));
    const isReduced = hasReductions(this.#program);
    const staged = options.precision === "float32" && isReduced;
    if (flat !== undefined) {
      // What is reduced must be of a known size.
      const shape = [leaves.reduce((size, leaf) => size + leaf.size, 0)];
      const staging = staged && isStaged(shape[0]) ? shape : undefined;
      const emptyAxes = isReduced ? emptyAxesOf(shape) : [];
      const kind = this.#kind(flat.group, emptyAxes, "the vector", staging);
      this.all = [{
        path: "",
        kind,
        arrays: this.#arraysOf(kind, () => isReduced ? shape : ["N"]),
      }];
      this.#requireSingle();
      return;
    }
    const kinds = new Map<Group, Map<string, Kind>>(groups.map((group) => [group, new Map()]));
    this.all = leaves.map((info, i) => {
      const group = binding.groupOf[i];
      const known = kinds.get(group)!;
      const emptyAxes = emptyAxesOf(info.shape);
      const view = binding.views[i];
      const whole = view === undefined ? info.shape : [view.count, ...view.shape];
      const shape = staged && isStaged(info.size) ? whole : undefined;
      const key = shape?.join() ?? JSON.stringify([emptyAxes, view !== undefined]);
      if (!known.has(key)) {
        known.set(
          key,
          this.#kind(group, emptyAxes, spellPath(info.path), shape, view !== undefined),
        );
      }
      const kind = known.get(key)!;
      const shapeOf = (state: string | undefined) =>
        state === undefined ? info.shape : binding.stateShape(state, i);
      return { path: info.path, kind, arrays: this.#arraysOf(kind, shapeOf), view };
    });
  }

  /** Whether some states are stored in blocks. */
  get areBlocked(): boolean {
    return this.all.some(({ arrays }) => arrays.some(({ blocks }) => blocks !== undefined));
  }

  /** The next numbers of the states over the tree. */
  get treeStates(): readonly (readonly [name: string, next: Node])[] {
    const { form, group } = this.all[0].kind;
    return [...form.treeStates].map(([name, root]) => [name, this.bind(root, group)]);
  }

  /** A number that changes once a step with what the hyperparameters of a group are, as ONNX spells it. */
  bind(root: Node, group: Group): Node {
    if (!this.#bound.has(group)) this.#bound.set(group, new Map());
    const known = this.#bound.get(group)!;
    if (!known.has(root)) {
      const bound = foldNodes<Node>([root], (node, src) => {
        if (node.op !== "Symbol") return simplified(node, src);
        const name = node.arg as string;
        if (SHAPE_SYMBOLS.has(name)) return group.structural.get(name)!;
        return this.#after?.get(name) ?? this.#hyper.nodeOf(name, group) ?? node;
      }).get(root)!;
      known.set(root, lower([bound], "onnx")(bound));
    }
    return known.get(root)!;
  }

  #globalsRead(groups: readonly Group[]): Set<number> {
    return new Set(groups.flatMap((group) => [
      ...globalsOf({
        program: this.#program,
        structural: this.#structural(group),
        live: this.#liveIn(group),
      }),
    ]));
  }

  #kind(
    group: Group,
    emptyAxes: readonly number[],
    place: string,
    shape: BodyKind["shape"],
    isBatch = false,
  ): Kind {
    const form = formOf({
      program: this.#program,
      outcome: this.#after === undefined ? stepped : settledUpdate,
      structural: this.#structural(group),
      live: this.#liveIn(group),
      axes: group.axes,
      emptyAxes,
      globals: new Set(this.levels.keys()),
      vectors: this.vectors,
      bind: (scalar) => this.bind(scalar, group),
    });
    this.#requireKept(form, group, place);
    const { inputs, state } = this.#program;
    const kind: BodyKind = {
      form,
      dtype: group.dtype,
      precision: this.#options.precision,
      ...{ shape, isBatch },
      leaves: [...this.vectors, ...inputs.keys(), ...state.keys()],
      storedAs: (state) => this.#storedAs(state, group.dtype),
      opset: this.#options.opset,
      doing: this.#doing,
    };
    const phases = phasesOf(kind, this.levels, elaborate(this.#program).globals);
    return { ...kind, group, phases };
  }

  #arraysOf(
    { group: { dtype, live } }: Kind,
    shapeOf: (state: string | undefined) => Shape,
  ): LeafArray[] {
    const shape = shapeOf(undefined);
    const { inputs, state } = this.#program;
    const read = ["g", ...[...inputs].flatMap(([name, kind]) => kind === "element" ? [name] : [])];
    const vectors = [...this.vectors].map((name) => `hyper/${name}`);
    const kept = [...state.keys()].filter((name) => live.has(name) && !this.#isTree(name));
    return [
      { name: "w", type: dtype, shape, isCarried: true },
      ...[...read, ...vectors].map((name) => ({ name, type: dtype, shape, isCarried: false })),
      ...kept.map((name): LeafArray => {
        const shape = shapeOf(name);
        const stored = this.#optimizer.storage.get(name);
        const array = { name, type: this.#storedAs(name, dtype), shape, isCarried: true };
        const isBlocked = stored !== undefined && dtypeOf(stored) === "block8" &&
          sizeOf(shape as readonly number[]) >= LEAST_BLOCKED;
        if (!isBlocked) return array;
        if (dtype === "float64") {
          throw new GradusError(
            `${this.#doing}: state \`${name}\` is stored as ${
              spellStored(stored)
            }, which a graph has ` +
              `beside float32 parameters only: store it as float32`,
          );
        }
        return { ...array, blocks: { isUnsigned: isUnsigned(stored) } };
      }),
    ];
  }

  /** Refuses what is stored in blocks where all leaves are one vector, whose blocks would be others. */
  #requireSingle(): void {
    for (const [name, stored] of this.#optimizer.storage) {
      if (dtypeOf(stored) !== "block8") continue;
      throw new GradusError(
        `${this.#doing}: state \`${name}\` is stored as ${
          spellStored(stored)
        }, which a graph of one ` +
          `vector cannot have: export it as a tree`,
      );
    }
  }

  #structural({ structural, settings }: Group): Group["structural"] {
    return new Map(
      [...structural].filter(([name, value]) =>
        value.op !== "Zero" || this.#hyper.isKnown(name, settings.get(name)!)
      ),
    );
  }

  /** The states that leaves of a group keep, and those of the tree. */
  #liveIn({ live }: Group): ReadonlySet<string> {
    const names = [...this.#program.state.keys()];
    return new Set(names.filter((name) => (this.#isTree(name) ? this.#live : live).has(name)));
  }

  #isTree(state: string): boolean {
    return this.#program.state.get(state)!.over === "tree";
  }

  #storedAs(state: string, dtype: Arithmetic): ElementType {
    const stored = this.#optimizer.storage.get(state) ?? dtype;
    if (stored === "float32" || stored === "float64" || stored === "float16") return stored;
    // Bodies take numbers, which are read from blocks before and stored in them after.
    if (dtypeOf(stored) === "block8") return dtype;
    const why = seedOf(stored) !== undefined
      ? "for which ONNX has no operator"
      : "which ONNX Runtime takes neither in nor out";
    throw new GradusError(
      `${this.#doing}: state \`${state}\` is stored as ${spellStored(stored)}, ${why}: ` +
        `store it as float16 or float32`,
    );
  }

  /** Refuses a form that reads a state which its leaves do not keep. */
  #requireKept(form: Form, { live }: Group, place: string): void {
    for (const { op, arg } of form.extents.keys()) {
      const name = arg as string;
      const isState = op === "Symbol" && this.#program.state.has(name);
      if (!isState || this.#isTree(name) || live.has(name)) continue;
      throw new GradusError(
        `${this.#doing}: state \`${name}\` was left out for ${place}, since a hyperparameter that ` +
          `it needs is 0: make it with another value, or do not keep it an input`,
      );
    }
  }
}

function hasReductions(program: Program): boolean {
  return postorder(program.statements.map(({ value }) => value)).some(({ op }) =>
    reduceRow(op) !== undefined
  );
}

function emptyAxesOf(shape: readonly number[]): number[] {
  return shape.flatMap((size, axis) => size === 0 ? [axis] : []);
}
