/** What the page and its workers tell each other: plain data, each worker training one network. */

/** A network that the page brings along. */
export type SampleName = "digits" | "text" | "moons";

/** A file that was given, with the folders that it was in. */
export interface GivenFile {
  readonly path: string;
  readonly file: Blob;
}

/** A digit that was drawn: 28 x 28 grey values, and which digit it is. */
export interface DrawnDigit {
  readonly image: Float32Array<ArrayBuffer>;
  readonly label: number;
}

/** Where a network and its examples come from. */
export interface Source {
  /** The sample, or files: an ONNX model and what lies beside it. */
  readonly model: SampleName | readonly GivenFile[];
  /** Files of examples, instead of the sample's own. */
  readonly files: readonly GivenFile[];
  /** Text to learn from, instead of the sample's own. */
  readonly text?: string;
  /** Digits to be learned too. */
  readonly drawn: readonly DrawnDigit[];
}

/** An array of a model. */
export interface ArrayInfo {
  readonly name: string;
  readonly type: string;
  /** Its extents; those that are open have a name or "?". */
  readonly shape: readonly (number | string)[];
}

/** An initializer of floats. */
export interface ParamInfo extends ArrayInfo {
  readonly count: number;
  /** Whether it is trained unless something else is said. */
  readonly isUsual: boolean;
}

/** What a worker found in a network. */
export interface Opened {
  readonly name: string;
  readonly inputs: readonly ArrayInfo[];
  readonly outputs: readonly ArrayInfo[];
  /** How often each operator is in the graph, in the order of their first places. */
  readonly operators: readonly (readonly [name: string, count: number])[];
  readonly params: readonly ParamInfo[];
  /** The loss that suits it, such as `crossEntropy:logits`. */
  readonly loss: string;
}

/** What a training would be. */
export interface Checked {
  /** Its examples. */
  readonly count: number;
  readonly arrays: readonly ArrayInfo[];
  /** What labels are called, if they have names. */
  readonly classes: readonly string[];
  /** What a person should know of the network and of how examples were read. */
  readonly notes: readonly string[];
  /** How many operators the step has. */
  readonly nodes: number;
  /** How many bytes it takes, about. */
  readonly memory: number;
}

/** How a learning rate goes over the steps. */
export const SCHEDULES = ["constant", "cosine", "warm-up and cosine", "linear"] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** An optimizer with its settings. */
export interface OptimizerChoice {
  readonly name: string;
  /** Settings that are not as published; the learning rate among them. */
  readonly hyper: Readonly<Record<string, number | boolean>>;
  readonly schedule: ScheduleName;
}

/** How a network is trained, but for the optimizer. */
export interface Plan {
  /** The loss and the output that it is of, such as `crossEntropy:logits`. */
  readonly loss: string;
  /** The names of what is trained. */
  readonly params: readonly string[];
  readonly steps: number;
  readonly batch: number;
  /** The share of the examples that is held out. */
  readonly heldOut: number;
  readonly seed: number;
  readonly device: "auto" | "webgpu" | "wasm";
  /** After how many steps it is saved, each time. */
  readonly saveEvery: number;
}

/** The curves of a training. */
export interface History {
  /** The loss of each step, before it. */
  readonly losses: readonly (readonly [step: number, loss: number])[];
  readonly scores: readonly Score[];
}

/** What has happened since it was last told. */
export interface Progress extends History {
  readonly step: number;
  /** In seconds; undefined while it is not known. */
  readonly secondsLeft?: number;
}

/** What a network is worth on examples that it does not learn from. */
export interface Score {
  readonly step: number;
  readonly loss: number;
  /** The share that is named rightly; undefined where that has no meaning. */
  readonly accuracy?: number;
}

/** What a network makes of examples, to be shown. */
export type Predictions =
  | {
    readonly kind: "images";
    readonly side: readonly [height: number, width: number];
    readonly items: readonly {
      readonly pixels: Float32Array;
      readonly expected: string;
      readonly given: string;
    }[];
  }
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind: "plane";
    /** How sure it is of the second kind, row by row from the top. */
    readonly sure: Float32Array;
    readonly columns: number;
    readonly rows: number;
    /** Left, right, bottom and top. */
    readonly extent: readonly [number, number, number, number];
    readonly points: Float32Array;
    readonly kinds: Uint8Array;
    /** What the two kinds are called. */
    readonly classes: readonly string[];
  }
  | {
    readonly kind: "rows";
    readonly head: readonly string[];
    readonly items: readonly (readonly string[])[];
  };

/** What a worker says by itself. */
export type WorkerEvent =
  | {
    readonly kind: "began";
    readonly device: "webgpu" | "wasm";
    /** Why it does not run where it should. */
    readonly note?: string;
    /** What had been made before. */
    readonly history: History;
  }
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "predictions"; readonly predictions: Predictions }
  | { readonly kind: "saved"; readonly step: number }
  | { readonly kind: "unsaved"; readonly message: string }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };

/** What can be taken away. */
export type Download = "model" | "checkpoint" | "step";

/** What a worker can be asked: its arguments and its answer. */
export interface Requests {
  open(source: Source): Opened;
  check(plan: Plan, optimizer: OptimizerChoice): Checked;
  /** Begins, or goes on from what is saved; `lane` is the place that it is saved at, if it is. */
  train(
    plan: Plan,
    optimizer: OptimizerChoice,
    lane: number | undefined,
    isResumed: boolean,
  ): void;
  pause(): void;
  go(): void;
  save(): void;
  /** The scores that it gives to an image. */
  scores(image: Float32Array): number[];
  /** What it writes after a beginning. */
  write(prompt: string): string;
  download(what: Download): Uint8Array<ArrayBuffer>;
}
