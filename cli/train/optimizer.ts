/** The optimizer that `gradus train` is given: a built-in one, or one in a file, with its settings. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { factory } from "../../runtime/define.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { BUILT_IN, programOf } from "../files.ts";
import { kindOf } from "../../runtime/kind.ts";
import { settingOf, UsageError } from "../values.ts";

/** The optimizer of a name or file; `set` has its settings as they are given. */
export async function optimizerOf(target: string, set: readonly string[]): Promise<Optimizer> {
  const program = await programOf(target);
  const doing = `Cannot train by ${quoted(program.name)}`;
  if (kindOf(program) === "transform") {
    throw new GradusError(
      `${doing}: it must go against the gradient, and this passes it on: it is a transform, to be chained ` +
        "with others",
    );
  }
  const [input] = program.inputs.keys();
  if (input !== undefined) {
    throw new GradusError(
      `${doing}: a step gives it the gradients alone, and it needs ${quoted(input)} too`,
    );
  }
  const settings = new Map(set.map((each) => {
    const { name, value } = settingOf(each);
    return [name, value];
  }));
  for (const [name, value] of program.hyper) {
    if (value !== "required" || settings.has(name)) continue;
    throw new UsageError(
      `${quoted(program.name)} needs \`${name}\`, such as --set ${name}=1e-3`,
    );
  }
  // A built-in one has options of its own that its program does not tell of.
  const make = BUILT_IN.get(target) as ReturnType<typeof factory> | undefined ?? factory(program);
  return make(Object.fromEntries(settings) as never);
}
