/**
 * Steps variables in the memory of the host: on tfjs's cpu backend, whose tensors are arrays, and on its
 * WebAssembly backend, whose heap can be looked into. Gradus's own kernels write into new tensors, which the
 * variables take: backends keep what they derived from a tensor, such as packed weights, so that one must
 * never change.
 */
import { elementInputs } from "../../runtime/backends/backend.ts";
import { bind, type Optimizer } from "../../runtime/optimizer.ts";
import { type HostArray, load, memoryOf, storeAll } from "../../runtime/trees/dtype.ts";
import { asHostLeaf } from "../../runtime/trees/host_leaf.ts";
import { sizeOf, type Tensor } from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";
import { Named } from "./named.ts";
import { type Route, type RouteStep, type StateLeaf, treeOf, type Variables } from "./route.ts";
import type { Tfjs, TfTensor, TfTensorInfo } from "./tf.ts";

/** How tensors of a backend are looked into. */
interface Memory {
  /** A new tensor whose numbers are about to be written. */
  make(shape: number[]): TfTensor;
  /** Its numbers, as they lie there. */
  view(tensor: TfTensor): Float32Array;
}

/** The memory of a backend, or undefined if it is not of the host. */
export function memoryOfBackend(tf: Tfjs): Memory | undefined {
  if (tf.getBackend() === "cpu") {
    return {
      make: (shape) => tf.tensor(new Float32Array(sizeOf(shape)), shape, "float32"),
      view: (tensor) => tensor.dataSync() as Float32Array,
    };
  }
  const backend = tf.backend() as Partial<HeapBackend>;
  if (backend.typedArrayFromHeap === undefined || backend.makeOutput === undefined) return;
  const heap = backend as HeapBackend;
  return {
    make: (shape) => tf.engine().makeTensorFromTensorInfo(heap.makeOutput(shape, "float32")),
    view: (tensor) => heap.typedArrayFromHeap(tensor as TfTensorInfo),
  };
}

interface HeapBackend {
  makeOutput(shape: number[], dtype: "float32"): TfTensorInfo;
  typedArrayFromHeap(info: TfTensorInfo): Float32Array;
}

/** Steps by the kernels that the optimizer has for arrays. */
export class HostRoute implements Route {
  readonly #tf: Tfjs;
  readonly #optimizers: Named<Optimizer>;
  readonly #memory: Memory;
  readonly #inputs: readonly string[];

  constructor(tf: Tfjs, optimizer: Optimizer, memory: Memory) {
    [this.#tf, this.#memory] = [tf, memory];
    this.#optimizers = new Named(
      optimizer,
      (configured) => configured === optimizer ? optimizer : bind(configured),
    );
    this.#inputs = elementInputs(optimizer.program);
  }

  init(variables: Variables): State {
    return this.#optimizers.of(variables).init(copiesOf(variables));
  }

  step({ variables, reads, state, inputs }: RouteStep): void {
    const made = new Map<string, TfTensor>();
    try {
      for (const name of reads.keys()) {
        made.set(name, this.#memory.make(variables.get(name)!.shape));
      }
      const trees = this.#trees(variables, reads, made);
      const [gradients, ...others] = trees.reads;
      const all = { ...inputs };
      this.#inputs.forEach((name, k) => all[name] = others[k]);
      for (const name of reads.keys()) trees.params[name].data.set(trees.before[name].data);
      this.#optimizers.of(variables)
        .step(trees.params, gradients, state, all, { missing: "skip" });
      for (const [name, tensor] of made) variables.get(name)!.assign(tensor);
    } finally {
      for (const tensor of made.values()) tensor.dispose();
    }
  }

  evaluate(variables: Variables, state: State): Map<string, TfTensor> {
    const optimizer = this.#optimizers.of(variables);
    const made = Object.entries(optimizer.evaluationParams(copiesOf(variables), state));
    return new Map(
      made.map(([name, { data, shape }]) =>
        [name, this.#tf.tensor(data as Float32Array, [...shape], "float32")] as const
      ),
    );
  }

  read(leaf: StateLeaf): ArrayLike<number> {
    const { data, dtype } = asHostLeaf(leaf, "", "")!;
    return data instanceof Float32Array
      ? data
      : Float32Array.from({ length: data.length }, (_, i) => load(dtype, data, i));
  }

  write(leaf: StateLeaf, numbers: Float32Array): void {
    const { data, dtype } = asHostLeaf(leaf, "", "")!;
    storeAll(dtype, data, (i) => numbers[i]);
  }

  copy(from: StateLeaf, to: StateLeaf): void {
    const [parts, into] = [from, to].map((leaf) => memoryOf(arrayOf(leaf)));
    parts.forEach((part, i) => into[i].set(part));
  }

  tensor(leaf: StateLeaf): TfTensor {
    return this.#tf.tensor(Float32Array.from(this.read(leaf)), [...leaf.shape], "float32");
  }

  release(): void {}

  dispose(): void {}

  /** The trees of a step, all of views that are of the same memory. */
  #trees(variables: Variables, reads: RouteStep["reads"], made: ReadonlyMap<string, TfTensor>) {
    const take = () => ({
      params: this.#params(variables, made),
      before: treeOf(reads, (_, name) => this.#tensor(variables.get(name)!)),
      reads: ["g", ...this.#inputs].map((_, k) =>
        treeOf(reads, (tensors) => this.#tensor(tensors[k]))
      ),
    });
    const first = take();
    // A tensor that came from another backend is copied in when it is first looked at: the heap may grow then.
    const all = [first.params, first.before, ...first.reads].flatMap(Object.values) as Tensor[];
    return all.some(({ data, shape }) => data.length !== sizeOf(shape)) ? take() : first;
  }

  /** What is written, and the variables that wait; where two of these share numbers, a copy of them. */
  #params(variables: Variables, made: ReadonlyMap<string, TfTensor>): Record<string, Tensor> {
    const seen = new Set<object>();
    return treeOf(variables, (variable, name) => {
      const tensor = this.#tensor(made.get(name) ?? variable);
      if (made.has(name)) return tensor;
      if (seen.has(variable.dataId)) return { ...tensor, data: tensor.data.slice() };
      seen.add(variable.dataId);
      return tensor;
    });
  }

  #tensor(tensor: TfTensor): Tensor {
    return { data: this.#memory.view(tensor), shape: tensor.shape };
  }
}

/** Copies: variables that were made of one tensor share its numbers, and the heap may grow as they are read. */
function copiesOf(variables: Variables): Record<string, Tensor> {
  return treeOf(variables, (variable) => ({
    data: (variable.dataSync() as Float32Array).slice(),
    shape: variable.shape,
  }));
}

function arrayOf(leaf: StateLeaf): HostArray {
  return asHostLeaf(leaf, "", "")!.data;
}
