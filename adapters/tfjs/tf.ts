/** What is asked of tfjs, as far as it is used here: its own objects fit, and none of it is imported. */

/** A tensor. */
export interface TfTensor {
  /** Its extents. */
  readonly shape: number[];
  /** The type of its numbers. */
  readonly dtype: string;
  /** What its numbers are told by; clones share it. */
  readonly dataId: object;
  /** Whether it was given back. */
  readonly isDisposed: boolean;
  /** Its numbers. */
  dataSync(): Float32Array | Int32Array | Uint8Array;
  /** Its numbers, in time. */
  data(): Promise<Float32Array | Int32Array | Uint8Array>;
  /** Gives it back. */
  dispose(): void;
}

/** A variable. */
export interface TfVariable extends TfTensor {
  /** Its name, which no other has. */
  readonly name: string;
  /** Whether an optimizer may change it. */
  readonly trainable: boolean;
  /** Takes the numbers of another tensor. */
  assign(value: TfTensor): void;
}

/** A tensor and what it is called. */
export interface TfNamedTensor {
  /** The name. */
  name: string;
  /** The tensor; none where a variable has no gradient. */
  tensor: TfTensor;
}

/** Tensors by name. */
export interface TfNamedTensorMap {
  /** The tensor of this name. */
  [name: string]: TfTensor;
}

/** The operations of tfjs that programs are folded into. */
export type TfOps = Readonly<
  Record<
    | (
      | "add"
      | "sub"
      | "mul"
      | "div"
      | "pow"
      | "neg"
      | "abs"
      | "sqrt"
      | "exp"
      | "log"
      | "sin"
      | "cos"
    )
    | (
      | "tan"
      | "asin"
      | "acos"
      | "atan"
      | "tanh"
      | "floor"
      | "ceil"
      | "minimum"
      | "maximum"
      | "where"
    )
    | ("less" | "lessEqual" | "greater" | "greaterEqual" | "equal" | "isNaN" | "logicalAnd")
    | (
      | "logicalOr"
      | "logicalNot"
      | "sum"
      | "mean"
      | "max"
      | "min"
      | "matMul"
      | "transpose"
      | "fill"
    )
    | ("reshape" | "broadcastTo" | "clone" | "scalar"),
    // What they take is told by the spellings, which pass tensors and numbers.
    (...operands: never[]) => TfTensor
  >
>;

/** tfjs, or its core: what `import * as tf` gives. */
export interface Tfjs extends TfOps {
  /** The name of the backend that computes now. */
  getBackend(): string;
  /** The backend that computes now. */
  backend(): object;
  /** What holds variables and tensors. */
  engine(): {
    readonly registeredVariables: { readonly [name: string]: TfVariable };
    makeTensorFromTensorInfo(info: TfTensorInfo): TfTensor;
  };
  /** The value of a function and its gradients. */
  variableGrads(
    f: () => TfTensor,
    varList?: TfVariable[],
  ): { value: TfTensor; grads: TfNamedTensorMap };
  /** A tensor of these numbers, or of this buffer. */
  tensor(
    values: Float32Array | Int32Array | { buffer: GPUBuffer; zeroCopy?: boolean },
    shape?: number[],
    dtype?: "float32" | "int32",
  ): TfTensor;
  /** A variable that begins as a tensor. */
  variable(initialValue: TfTensor, trainable?: boolean): TfVariable;
  /** Keeps a tensor beyond the end of a `tidy`. */
  keep(tensor: TfTensor): TfTensor;
  /** What tfjs reads and writes. */
  readonly serialization: {
    /** Tells the reader of models which class a name is. */
    registerClass(cls: TfClass, pkg?: string, name?: string): unknown;
  };
}

/** What tfjs tells a tensor's numbers by. */
export interface TfTensorInfo {
  /** What the numbers are told by. */
  readonly dataId: object;
  /** The extents. */
  readonly shape: number[];
  /** The type of the numbers. */
  readonly dtype: "float32";
}

/** A class of what tfjs saves by its name and settings. */
export interface TfClass {
  /** An object of it. */
  new (...given: never[]): { getClassName(): string; getConfig(): TfConfig };
  /** What files call it. */
  readonly className: string;
  /** The object that these settings are of. */
  fromConfig(cls: never, config: TfConfig): { getClassName(): string; getConfig(): TfConfig };
}

/** The settings of something that is saved. */
export interface TfConfig {
  /** The setting of this name. */
  [name: string]: string;
}
