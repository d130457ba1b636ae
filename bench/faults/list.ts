/** Faults to put into the code, one at a time, each with the tests that should notice it. */

/** A change of one place of one file, after which the code is wrong. */
export interface Fault {
  readonly file: string;
  /** What is replaced; it is in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Files of tests, cheapest first: the first that fails ends the trial. */
  readonly tests: readonly string[];
}

/** Faults of one file, as pairs of what stands there and what is put in its place. */
function faults(
  file: string,
  tests: readonly string[],
  pairs: readonly (readonly [find: string, replace: string])[],
): Fault[] {
  return pairs.map(([find, replace]) => ({ file, find, replace, tests }));
}

const RUNTIME = ["plan", "storage", "optimizer", "chain", "hyper", "extents", "matrix", "trees"]
  .map((
    name,
  ) => `tests/runtime/${name}_test.ts`);
const MATRICES = [...RUNTIME, "tests/runtime/matrix_backends_test.ts"];
const AXES = [...RUNTIME, "tests/runtime/axes_test.ts"];
const STORES = [
  "tests/runtime/plan_test.ts",
  "tests/runtime/storage_test.ts",
  "tests/runtime/narrow_values_test.ts",
  "tests/runtime/init_storage_test.ts",
  "tests/runtime/short_params_test.ts",
];
const STATES = ["state_errors", "hyper_trees", "resume", "tree_states", "trees", "options", "hyper"]
  .map((name) => `tests/runtime/${name}_test.ts`);
const WRAPPERS = ["clocks", "wrappers", "published"].map((name) =>
  `tests/wrappers/${name}_test.ts`
);
const CHECKPOINTS = ["tests/search/checkpoint_test.ts", "tests/search/runs_test.ts"];
const PROCESSES = ["tests/search/processes_test.ts"];
const SEARCH = [
  "tests/search/mutate_test.ts",
  "tests/search/programs_test.ts",
  "tests/search/runs_test.ts",
  "tests/search/tune_test.ts",
];
const EXPORTS = [
  "constants",
  "onnx",
  "errors",
  "from_onnx",
  "host",
  "onnx_names",
  "onnx_run",
  "flat",
  "edges",
]
  .map(
    (name) => `tests/export/${name}_test.ts`,
  );
const ORT = ["ort_hyper", "ort", "ort_state"].map((name) => `tests/export/${name}_test.ts`);
const THREADS = ["tests/runtime/threads_test.ts"];
const COMMAND = ["tests/cli/files_test.ts", "tests/cli_test.ts"];

/** Cheap ones first. */
export const FAULTS: readonly Fault[] = [
  ...faults("runtime/plan/plan.ts", RUNTIME, [
    ["const own = isWaiting ? below + 1 : below;", "const own = below;"],
    ["globals[global] ?? 0);", "0);"],
    ["update === ZERO ? constant(-0) : update;", "update === ZERO ? constant(0) : update;"],
    [
      'if (update === ZERO || (update.op === "Const" && update.arg === 0)) return',
      "if (false) return",
    ],
    [
      "phase === last ? outputs.filter((output) => !isInPlace || isChanged(output)) : []",
      "phase === last ? outputs : []",
    ],
    ["if (own !== from) loop.kept.add(node);", "loop.kept.add(node);"],
    [".sort((a, b) => width(a) - width(b))", ""],
    ["(matrices.computed.get(node) ?? phase) < phase,", "false,"],
    ["globalPhases[k] === phase + 1 && needed.has(k)", "globalPhases[k] === phase + 1"],
    ["levels.push(1 + levelsOf([node], levels).get(node)!);", "levels.push(1);"],
  ]),
  ...faults("runtime/plan/products.ts", MATRICES, [
    ["place.busyUntil < written &&", "place.busyUntil <= written &&"],
    ["places[at].busyUntil = lastRead;", ""],
    ["rowStride: 1, columnStride: columns }", "rowStride: columns, columnStride: 1 }"],
    ["lastRead.set(factor.node, 2 * phase + 1)", "lastRead.set(factor.node, 2 * phase)"],
    ["const phase = levels.get(node)! - 1;", "const phase = levels.get(node)!;"],
    ['if (node.op !== "MatMul") isRead.add(operand);', "isRead.add(operand);"],
  ]),
  ...faults("runtime/plan/variants.ts", [...RUNTIME, "tests/wrappers/clocks_test.ts"], [
    ['guards.map(Number).join("")', "guards.length"],
    ["const k = truth ? 1 : 2;", "const k = truth ? 2 : 1;"],
    [
      "[spellStructural(structural), key.guards, [...live], mode, axes, backend, dtypes]",
      "[spellStructural(structural), key.guards, [...live], mode, axes, backend]",
    ],
    [
      "[spellStructural(structural), key.guards, [...live], mode,",
      "[spellStructural(structural), key.guards, mode,",
    ],
  ]),
  ...faults("runtime/plan/axes.ts", AXES, [
    ['return op === "ReduceL2" ? apply("Abs", src[0]) : src[0];', "return src[0];"],
    ['if (kept === 2 ** rank - 1) return "element";', ""],
    ["if (overs.some(isByExtent)) return axesByExtent;", ""],
  ]),
  ...faults("runtime/plan/readings.ts", [...RUNTIME, "tests/runtime/absent_test.ts"], [
    ["mentioned.has(name) || !ever.has(name)", "mentioned.has(name)"],
    ["filter(([, value]) => value !== ZERO)", "filter(() => true)"],
  ]),
  ...faults("runtime/plan/memo.ts", RUNTIME, [
    ["let value = known.get(key);", "let value = [...known.values()][0];"],
  ]),
  ...faults("runtime/plan/roofline.ts", ["tests/runtime/roofline_test.ts"], [
    ["seconds += Math.max(", "seconds += Math.min("],
    ['if (typeof given === "number" && given > 0) return given;', "return given;"],
    ['"f64x2.sqrt": 3,', ""],
  ]),
  ...faults("runtime/trees/dtype.ts", STORES, [
    ["return (bits | 1) >>> 0;", "return bits >>> 0;"],
    ["? word[0] - 1 : word[0];", "? word[0] : word[0];"],
    ["if (Number.isNaN(value)) return (bits >>> 16) | 0x40;", ""],
    ["+ ((bits >>> 16) & 1)", ""],
    ["if (magnitude > 0x7f800000) return sign | 0x7e00;", ""],
    ["if (magnitude >= 0x47800000) return sign | 0x7c00;", ""],
    ["if (exponent < 102) return sign;", "if (exponent < 103) return sign;"],
    ["const isNormal = exponent >= 113;", "const isNormal = exponent >= 112;"],
    ["(rest === half && (kept & 1) === 1)", "rest === half"],
    [
      "if (exponent === 0x1f) return fraction ? NaN",
      "if (exponent === 0x20) return fraction ? NaN",
    ],
  ]),
  ...faults("runtime/trees/state_storage.ts", [...STORES, ...STATES], [
    ["const all = new Map(made);", "const all = new Map<string, StorageType>();"],
    [".sort((a, b) => b.count - a.count)", ""],
    ['if (program.state.get(state)!.over === "tree") {', "if (false) {"],
    ["return storage.get(state) ?? arithmeticOf(dtype);", "return arithmeticOf(dtype);"],
  ]),
  ...faults("runtime/trees/state.ts", STATES, [
    ["state.optimizer !== name) {", "false) {"],
    ["!Number.isSafeInteger(state.count) || state.count < 0", "!Number.isSafeInteger(state.count)"],
    [
      'hyper[name] = typeof value === "object" ? structuredClone(value) : value;',
      "hyper[name] = value;",
    ],
    ["for (const name in record) if (!Object.hasOwn(used, name)) delete record[name];", ""],
    ["freezeTree(value);", ""],
    ["for (const key of live) requireKey(state, key, doing);", ""],
  ]),
  ...faults("runtime/trees/snapshot.ts", ["tests/runtime/snapshot_test.ts"], [
    ["if (now.length !== values.length) return false;", ""],
    ["if (array.length !== length) return false;", ""],
    ["if (now[i] !== values[i]) return false;", ""],
    ["|| this.#releases !== releases()", ""],
  ]),
  ...faults("zoo/wrappers/average.ts", WRAPPERS, [["(1 - decay)*(w + u)", "(1 - decay)*w"]]),
  ...faults("zoo/wrappers/conditionally.ts", WRAPPERS, [
    ["innerCount = where(applies, innerCount + 1, innerCount)", "innerCount = innerCount + 1"],
    ["applies = !(shouldTransformFn == 0)", "applies = shouldTransformFn > 0"],
    ['guard: "applies",', ""],
    ['clock: "innerCount",', ""],
  ]),
  ...faults("zoo/wrappers/finite.ts", WRAPPERS, [
    ["notFiniteCount > maxConsecutiveErrors", "notFiniteCount >= maxConsecutiveErrors"],
    [
      "where(isFinite, 0, notFiniteCount + 1)",
      "where(isFinite, notFiniteCount, notFiniteCount + 1)",
    ],
    [
      "totalNotFinite = where(isFinite, totalNotFinite, totalNotFinite + 1)",
      "totalNotFinite = where(applies, totalNotFinite, totalNotFinite + 1)",
    ],
    ["where(abs(g) < inf, 0, 1)", "where(g < inf, 0, 1)"],
    ['clock: "innerCount",', ""],
  ]),
  ...faults("zoo/wrappers/lookahead.ts", WRAPPERS, [
    ["u = where(syncs, slow - w, u)", "u = where(syncs, slow - w - u, u)"],
    ["innerCount = where(resets, 0, innerCount + 1)", "innerCount = innerCount + 1"],
    ['reset: "resets",', ""],
    ["syncs = t - syncPeriod", "syncs = count - syncPeriod"],
  ]),
  ...faults("zoo/wrappers/masked.ts", [...WRAPPERS, "tests/runtime/hyper_trees_test.ts"], [
    ["return tree === label;", "return tree !== label;"],
    ['select: "applies",', ""],
    ["u = where(applies, u, given)", "u = where(applies, u, g)"],
  ]),
  ...faults("zoo/wrappers/mechanize.ts", WRAPPERS, [
    ["abs(h) + eps)", "abs(h))"],
    ["max(0, (1 - 0.1^${i})", "((1 - 0.1^${i})"],
    ["weightDecay*scale*globalNorm(given)", "weightDecay*globalNorm(given)"],
    ["numBetas > MOST_BETAS", "false"],
  ]),
  ...faults("zoo/wrappers/multi_steps.ts", WRAPPERS, [
    ["emits = miniStep + 1 >= everyKSchedule", "emits = miniStep + 1 > everyKSchedule"],
    ["useGradMean, acc + (g - acc)/(miniStep + 1)", "useGradMean, acc + g/(miniStep + 1)"],
    ["acc = where(emits, 0, acc)", "acc = acc"],
    ['settings.set("everyKSchedule", { ...every, clock: MULTI_STEPS.clock });', ""],
    ['guard: "emits",', ""],
  ]),
  ...faults("zoo/wrappers/schedule_free.ts", WRAPPERS, [
    ["peak = max(peak, learningRate)", "peak = learningRate"],
    ["c*(z0 - w + b1*u)", "c*(z - w + b1*u)"],
    ["where(total > 0, peak^weightLrPower/total, 0)", "peak^weightLrPower/total"],
  ]),
  ...faults("search/evolve/checkpoint.ts", CHECKPOINTS, [
    ["if (textHash(rest) !== hash) {", "if (false) {"],
    ["if (Number(version) !== VERSION) {", "if (false) {"],
    ["if (identity !== identityOf(space, options)) {", "if (false) {"],
    ["await keep();", ""],
    ["await files.rm(beside, { force: true }).catch(() => {});", ""],
    ["recent: saved(recent),", "recent: 0,"],
    ["parent: before, founder });", "parent: undefined, founder });"],
    ["shapes: scores(read.shapes),", "shapes: new Map(),"],
    ["new HallOfFame(options.hall ?? 20, ", "new HallOfFame(1, "],
  ]),
  ...faults("search/evolve/population.ts", CHECKPOINTS.slice(1), [
    ["if (isLost) counts.lost++;", ""],
    ["if (state.hurdles.length > LATE) state.hurdles.shift();", ""],
  ]),
  ...faults("search/evolve/archive.ts", CHECKPOINTS.slice(1), [
    [
      "a.score >= b.score && a.length <= b.length && a.stateBytes <= b.stateBytes",
      "a.score >= b.score && a.length <= b.length",
    ],
    ["if (this.#members.some((member) => member.score === score)) return;", ""],
    ["this.#members = this.#members.filter((member) => !isAsGood(given, member));", ""],
  ]),
  ...faults("search/evolve/score_cache.ts", CHECKPOINTS.slice(1), [
    ["if (!evaluation.isLost) cache", "cache"],
    [
      "const version = digestOf([space.options, tasks]);",
      "const version = digestOf([space.options]);",
    ],
  ]),
  ...faults("search/evolve/trainer.ts", PROCESSES, [
    ["?.[0] ?? LOST", "?.[0] ?? { score: -Infinity, scores: [] }"],
    ["const isProcess = hasCode(tasks) && canStartProcesses();", "const isProcess = false;"],
    ["results[from + k] = evaluation", "results[from] = evaluation"],
  ]),
  ...faults("search/evolve/process_main.ts", PROCESSES, [
    ['"console.log = console.info = console.debug = console.error;"', '""'],
    ["megabytes * 2 ** 20", "megabytes * 2 ** 40"],
  ]),
  ...faults("search/analysis/structure.ts", SEARCH, [
    ["states.sort((a, b) => a - b);", ""],
    ["2 * (inputs - FIRST_STATE);", "0;"],
    ["if (commutes) {", "if (false) {"],
    ["if (args.length > 2) {", "if (false) {"],
    ["stack.push(next[input]);", ""],
    ["mix(words[0], words[1]);", "mix(words[1], 0);"],
  ]),
  ...faults("search/programs/genome.ts", SEARCH, [
    ['Object.is(arg, -0) ? "-0" : String(arg)', "String(arg)"],
    ["if (space.frozen.has(target)) return", "if (false) return"],
    ["if (kind !== undefined && kind !== result) {", "if (false) {"],
  ]),
  ...faults("export/onnx/constants.ts", EXPORTS, [
    ['if (Object.is(value, -0)) return "-0";', ""],
    ['type === "float32" ? Math.fround(value) : value;', "value;"],
  ]),
  ...faults("export/onnx/phases.ts", EXPORTS, [
    ["levels.set(k, 1 + Math.max(...below));", "levels.set(k, 1);"],
    ["own.forEach((node) => made.add(node));", ""],
  ]),
  ...faults("export/onnx/flat.ts", EXPORTS, [
    ["given.part === part && given.isMasked === isMasked", "given.part === part"],
    ["if (other !== undefined) {", "if (false) {"],
    ['if (over === "element" || over === "tree") continue;', "continue;"],
  ]),
  ...faults("export/onnx/leaves.ts", [...EXPORTS, ...ORT], [
    ["this.#requireKept(form, group, place);", ""],
    ["const isEmpty = info.size === 0;", "const isEmpty = false;"],
    ["this.#hyper.isKnown(name, settings.get(name)!)", "true"],
    [
      'if (stored !== "bfloat16") return stored;',
      'if (stored !== "bfloat16" || true) return stored as "float32";',
    ],
  ]),
  ...faults("export/onnx/hyper.ts", [...EXPORTS, ...ORT], [
    ["if (isMasked) return constant(0);", ""],
    ["const number = isMasked ? 0 : ", "const number = "],
    ["clock === undefined || !isScheduled(value) ? []", "true ? []"],
  ]),
  ...faults("export/onnx/write.ts", EXPORTS, [
    ["requireWide(layout, doing);", ""],
    ["requirePlainPaths(layout, doing);", ""],
    ["requireSpelled(optimizer, doing);", ""],
  ]),
  ...faults("runtime/backends/wasm/threads.ts", THREADS, [
    ["this.#threads[i] = undefined;", ""],
    ["eval: true, env: {} }", "eval: true } as { eval: true; env: object }"],
    ["const deaths = this.#deaths.splice(0);", "const deaths = this.#deaths.splice(0, 1);"],
    ["worker.unref();", ""],
    ["if (at >= chunks) break;", "if (at >= chunks - 1) break;"],
  ]),
  ...faults("cli/files.ts", COMMAND, [
    ["await Deno.remove(beside).catch(() => {});", ""],
    ['if (text.includes("\\0")) {', "if (false) {"],
    ["if (there?.isDirectory ||", "if ("],
  ]),
];
