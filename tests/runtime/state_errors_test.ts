/** Bad states and inputs: each is refused by name, and nothing given is changed. */
import { lion, sgd, type State } from "../../mod.ts";
import { type BadStep, sketch, testRefused } from "./bad_steps.ts";

const bad: readonly BadStep[] = [
  // States.
  {
    name: "the state of another optimizer is refused by both names",
    opt: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
    spoil: (state) => state.optimizer = "adamw",
    says: ['the state must be one of "sgd": given one of "adamw"'],
  },
  {
    name: "a state without its tensors is refused by the missing one's name",
    spoil: (state) => delete state.m,
    says: ["the state must have `m`: it is missing"],
  },
  {
    name: "a state that lacks one tensor is refused at its path",
    spoil: (state) => delete (state.m as Record<string, unknown>).bias,
    says: ["state `m` at the root must have the parameters' structure: `bias` is missing"],
  },
  {
    name: "a state tensor of another shape is refused at its path",
    spoil: (state) => (state.m as Record<string, unknown>).bias = Float32Array.of(0),
    says: ["state `m` at `bias` must have shape [2] as the parameter has: given [1]"],
  },
  {
    name: "a state tensor of another type is refused at its path",
    spoil: (state) => (state.m as Record<string, unknown>).bias = Float64Array.of(0, 0),
    says: ["state `m` at `bias` must be float32: given float64"],
  },
  {
    name: "a state of lists, as JSON gives it back, is refused at its path",
    spoil: (state) => (state.m as Record<string, unknown>).bias = [0, 0],
    says: ["state `m` at `bias` must be an array as the parameter is: given an array of 2"],
  },
  {
    name: "a state stored in another type than the optimizer's is refused at its path",
    spoil: (state) =>
      (state.m as Record<string, unknown>).bias = {
        data: new Uint16Array(2),
        shape: [2],
        dtype: "bfloat16",
      },
    says: ["state `m` at `bias` must be float32: given bfloat16"],
  },
  {
    name: "a short state that does not say its type is refused at its path",
    opt: () => lion({ learningRate: 0.1, muDtype: "bfloat16" }),
    spoil: (state) => delete (state.m as { bias: { dtype?: string } }).bias.dtype,
    says: ["`bias`", "given a", "Uint16Array of 2"],
  },
  {
    name: "a negative count is refused",
    spoil: (state) => state.count = -1,
    says: ["the state's `count` must be a whole number from 0: given -1"],
  },
  {
    name: "a fraction as count is refused",
    spoil: (state) => state.count = 1.5,
    says: ["the state's `count` must be a whole number from 0: given 1.5"],
  },
  {
    name: "text as count is refused",
    spoil: (state) => state.count = "2" as unknown as number,
    says: ['the state\'s `count` must be a whole number from 0: given "2"'],
  },
  {
    name: "a missing count is refused",
    spoil: (state) => delete (state as Partial<State>).count,
    says: ["the state's `count` must be a whole number from 0: given undefined"],
  },
  {
    name: "a state without hyperparameters is refused",
    spoil: (state) => delete (state as Partial<State>).hyper,
    says: ["the state's `hyper` must be an object: given undefined"],
  },
  {
    name: "a list as hyperparameters of a state is refused",
    spoil: (state) => state.hyper = [] as unknown as State["hyper"],
    says: ["the state's `hyper` must be an object: given an array of 0"],
  },
  {
    name: "text in a state kept over the tree is refused",
    opt: () => sketch({ state: { n: { over: "tree" } }, step: "n = n + globalNorm(g)\nu = -n*g" }),
    spoil: (state) => state.n = "1",
    says: ['state `n` must be a number: given "1"'],
  },
  // Hyperparameters.
  {
    name: "NaN written as a hyperparameter is refused with the count",
    spoil: (state) => state.hyper.learningRate = NaN,
    says: ["hyperparameter `learningRate` must be a number: given NaN at count 2"],
  },
  {
    name: "text written as a hyperparameter is refused",
    spoil: (state) => state.hyper.b1 = "0.9" as unknown as number,
    says: ['hyperparameter `b1` must be a number in [0, 1): given "0.9" at count 2'],
  },
  {
    name: "undefined written as a hyperparameter is refused",
    spoil: (state) => state.hyper.b1 = undefined as unknown as number,
    says: ["hyperparameter `b1` must be a number in [0, 1): given undefined at count 2"],
  },
  {
    name: "an array written as a hyperparameter is refused",
    spoil: (state) => state.hyper.b1 = Float32Array.of(0.9) as unknown as number,
    says: ["hyperparameter `b1`", "given a", "Float32Array of 1"],
  },
  {
    name: "NaN written into a tree of a hyperparameter is refused",
    spoil: (state) => state.hyper.b1 = { bias: 0.5, layers: NaN },
    says: ["hyperparameter `b1` must be a number in [0, 1): given NaN at count 2"],
  },
  {
    name: "text written into a tree of a hyperparameter is refused",
    spoil: (state) => state.hyper.b1 = { bias: "0.5" as unknown as number, layers: 0.5 },
    says: ["hyperparameter `b1` at `bias` must be a", 'given "0.5"'],
  },
  {
    name: "a tree written as a hyperparameter that misses a parameter is refused at its path",
    spoil: (state) => state.hyper.b1 = { bias: 0.5 },
    says: [
      "hyperparameter `b1` at the root must have the parameters' structure: `layers` is missing",
    ],
  },
  {
    name: "an unknown hyperparameter in a state is refused",
    spoil: (state) => state.hyper.learningrate = 0.1,
    says: ["`hyper`", "`learningrate`"],
  },
  {
    name: "`__proto__` among the hyperparameters of a state is refused",
    spoil: (state) =>
      Object.defineProperty(state.hyper, "__proto__", {
        value: 1,
        enumerable: true,
        configurable: true,
        writable: true,
      }),
    says: ["`hyper`", "`__proto__`"],
  },
  {
    name: "a truth value, which is chosen for good, is not written into a state",
    opt: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
    spoil: (state) => state.hyper.nesterov = true as unknown as number,
    says: ["`hyper`", "`nesterov`"],
  },
  {
    name: "momentum written into the state of a descent made without it is refused",
    opt: () => sgd({ learningRate: 0.1 }),
    spoil: (state) => state.hyper.momentum = 0.9,
    says: [
      "state `m` was left out, since a hyperparameter that it needs was 0 when the optimizer was " +
      "made",
    ],
  },
  {
    name: "a schedule that turns NaN is refused with the count",
    opt: () => lion({ learningRate: (count) => count < 2 ? 0.1 : NaN }),
    says: ["hyperparameter `learningRate` must be a number: given NaN at count 2"],
  },
  {
    name: "a schedule in a tree that turns NaN is refused with the count",
    opt: () => lion({ learningRate: { bias: 0.1, layers: (count) => count < 2 ? 0.1 : NaN } }),
    says: ["hyperparameter `learningRate` must be a number: given NaN at count 2"],
  },
  {
    name: "a schedule that gives text is refused with the count",
    opt: () => lion({ learningRate: ((count: number) => count < 2 ? 0.1 : "0.1") as () => number }),
    says: ['hyperparameter `learningRate` must be a number: given "0.1" at count 2'],
  },
  // Inputs.
  {
    name: "text as a declared input is refused",
    opt: () => sketch({ inputs: { value: "scalar" }, step: "u = -value*g" }),
    inputs: { value: "1" },
    says: ['input `value` must be given as a number: given "1"'],
  },
  {
    name: "null in place of the inputs is refused",
    opt: () => sketch({ inputs: { value: "scalar" }, step: "u = -value*g" }),
    inputs: null,
    says: ["value"],
  },
];

bad.forEach(testRefused);
