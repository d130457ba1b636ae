/** What other libraries and papers call hyperparameters, and what a program calls them. */
import { byName, quoted, suggestion } from "./errors.ts";
import { spellingsOf } from "./greek.ts";

// Others' names, and the names that may be meant, the likeliest first; of several joined by `+`, all.
const MEANT: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["lr eta stepsize baselr α η", "learningRate stepSize"],
  ["alpha", "decay rho learningRate stepSize"],
  ["rho ρ smoothing discountingfactor", "rho decay decayRate clipThreshold b2"],
  ["decayrate", "decayRate decay"],
  ["betas", "b1+b2+b3 b1+b2 beta"],
  ["beta1 b1", "b1 betas beta momentum decay"],
  ["beta2 b2", "b2 betas decay rho decayRate"],
  ["beta3", "b3"],
  ["momentum mu beta μ β", "momentum beta b1 decay"],
  ["wd l2 lambda weightdecay decoupledweightdecay λ", "weightDecay weightDecayRate"],
  ["epsilon ε ϵ", "eps"],
  ["epsilonroot eps2", "epsRoot"],
  ["usenesterov nesterovmomentum", "nesterov"],
  ["clipnorm maxgradnorm gradientclipnorm", "maxNorm clippingThreshold threshold"],
  ["warmup", "warmupSteps"],
  ["momentdtype statedtype", "muDtype"],
  ["orthogonalize muonweightdimensionnumbers weightdimensionnumbers dimensionnumbers", "matrices"],
]);

// What is no option of an optimizer but is had otherwise.
const ELSEWHERE: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["lr learningrate", "`scaleByLearningRate` in a `chain` brings one"],
  ["wd l2 weightdecay", "`addDecayedWeights` in a `chain` brings one"],
  ["clipnorm globalclipnorm maxgradnorm", "`clipByGlobalNorm` in a `chain` does that"],
  ["clipvalue", "`clip` in a `chain` does that"],
  ["momentum", "`trace` in a `chain` brings one"],
  ["amsgrad", "`amsgrad` is an optimizer of its own"],
  ["maximize", "negated gradients give an ascent"],
  ["params parameters", "parameters are given to `init` and `step`"],
  ["schedule scheduler lrscheduler", "a hyperparameter may be a schedule"],
]);

/** A name without what libraries differ in: `weight_decay` as `weightdecay`. */
function bare(name: string): string {
  return name.slice(0, 64).toLowerCase().replace(/[_\- .]/g, "");
}

/** The names among `known` that are meant by one that is not, or undefined. */
function meantBy(name: string, known: ReadonlySet<string>): readonly string[] | undefined {
  const same = [...known].find((each) => bare(each) === bare(name)) ??
    spellingsOf(name).find((each) => known.has(each));
  if (same !== undefined) return [same];
  return MEANT.get(bare(name))?.split(" ").map((each) => each.split("+"))
    .find((names) => names.every((each) => known.has(each)));
}

/** `; did you mean …?` where one of the `known` names is meant by another, or near to it; else the empty string. */
export function suggestedName(name: string, known: Iterable<string>): string {
  const names = new Set(known);
  const meant = meantBy(name, names);
  return meant === undefined
    ? suggestion(name, names)
    : `; did you mean ${meant.map(quoted).join(" and ")}?`;
}

const MOST_LISTED = 12;

/** The same of an option, or where else it is to be had, and then all `options` there are. */
export function suggestedOption(name: string, options: readonly string[]): string {
  const known = new Set(options);
  const elsewhere = meantBy(name, known) === undefined ? ELSEWHERE.get(bare(name)) : undefined;
  const listed = options.slice(0, MOST_LISTED).join(", ");
  const more = options.length > MOST_LISTED ? ` and ${options.length - MOST_LISTED} more` : "";
  const all = options.length === 0 ? "options: none" : `options: ${listed}${more}`;
  const hint = elsewhere === undefined ? suggestedName(name, known) : `; ${elsewhere}`;
  return `${hint}${hint.endsWith("?") ? "" : ";"} ${all}`;
}
