/** Makes an optimizer of another and a wrapper around its program. */
import { readHyper } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { weave, type Wrapper } from "../dsl/weave.ts";
import { type Setting, settingsOf } from "./trees/hyperparameters.ts";
import { bind, type Optimizer } from "./optimizer.ts";
import { requireNoOracle } from "./step/rule.ts";
import { ownOptions } from "./options.ts";
import { requireStorable } from "./step/storable.ts";
import type { StorageType } from "./trees/dtype.ts";
import { requireStorage } from "./trees/state_storage.ts";
import type { RoundedStorage } from "./trees/stored.ts";
import type { StateKinds } from "./trees/typed.ts";

/** Refuses what is no optimizer; `what` says which argument it is. */
export function requireOptimizer(given: Optimizer, what: string, doing: string): void {
  if (typeof given?.init === "function" && given.program !== undefined) return;
  const hint = typeof given === "function" ? ": call it with its options first" : "";
  throw new GradusError(`${doing}: ${what} must be an optimizer: given ${shown(given)}${hint}`);
}

/**
 * `inner` within `wrapper`. `settings` are those of the wrapper's own hyperparameters; `label` is the
 * suffix that the inner one's names get.
 */
export function wrap<S extends StateKinds, Hyper extends string>(
  inner: Optimizer,
  wrapper: Wrapper,
  settings: ReadonlyMap<string, Setting>,
  label?: string,
): Optimizer<S, Hyper> {
  requireNoOracle(inner, `Cannot make ${wrapper.name}`);
  const { program, names } = weave(wrapper, inner.program, label);
  const clockOf = ({ clock }: Setting) => clock === undefined ? wrapper.clock : names.get(clock);
  return bind({
    program,
    settings: new Map([
      ...settings,
      ...[...inner.settings].map(([name, setting]) =>
        [names.get(name)!, { ...setting, clock: clockOf(setting) }] as const
      ),
    ]),
    storage: new Map([...inner.storage].map(([name, type]) => [names.get(name)!, type])),
  });
}

/** `optimizer` with a state stored as its option `option` says, which may be left out. */
export function storing<S extends StateKinds, Hyper extends string>(
  optimizer: Optimizer<S, Hyper>,
  state: string,
  option: string,
  stored: StorageType | RoundedStorage | null | undefined,
  doing: string,
): Optimizer<S, Hyper> {
  if (stored === undefined || stored === null) return optimizer;
  const { program, settings } = optimizer;
  const type = requireStorage(program, state, stored, `\`${option}\``, doing);
  const storage = new Map([...optimizer.storage, [state, type]]);
  requireStorable(program, settings, storage, doing);
  return bind({ program, settings, storage });
}

/** Checked values for the hyperparameters of a wrapper. */
export function wrapperSettings(
  { hyper = {} }: Wrapper,
  given: object,
  doing: string,
): Map<string, Setting> {
  const refuse = (message: string): never => {
    throw new GradusError(`${doing}: ${message}`);
  };
  return settingsOf(readHyper(Object.entries(hyper), refuse), ownOptions(given, doing), doing);
}
