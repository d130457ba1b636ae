/** What is asked of tfjs, as far as it is used here: its own objects fit, and none of it is imported. */

/** A tensor. */
export interface TfTensor {
  readonly shape: number[];
  readonly dtype: string;
  /** What its numbers are told by; clones share it. */
  readonly dataId: object;
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
  readonly name: string;
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
  readonly serialization: {
    /** Tells the reader of models which class a name is. */
    registerClass(cls: TfClass, pkg?: string, name?: string): unknown;
  };
}

/** What tfjs tells a tensor's numbers by. */
export interface TfTensorInfo {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: "float32";
}

/** A class of what tfjs saves by its name and settings. */
export interface TfClass {
  new (...given: never[]): { getClassName(): string; getConfig(): TfConfig };
  readonly className: string;
  fromConfig(cls: never, config: TfConfig): { getClassName(): string; getConfig(): TfConfig };
}

/** The settings of something that is saved. */
export interface TfConfig {
  [name: string]: string;
}
