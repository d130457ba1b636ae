/** How parameters come into groups in torch's files: those that masks tell apart by name into groups of their own. */
import { type Described, rulesByKey } from "./described.ts";
import { pythonNumber, pythonText } from "./names.ts";
import type { Ruled } from "./rules.ts";

/** The mask that says how parameters are seen as matrices, if one does. */
export function viewKey({ names, masks }: Described): string | undefined {
  const [key] =
    [...masks].find(([, { entries }]) => entries.some(([, value]) => typeof value === "string")) ??
      [];
  return key && names.of(key);
}

/** Python of what sees a parameter as matrices. */
export function viewText(described: Described): string {
  const key = viewKey(described);
  if (key === undefined) return "";
  return `def _view(group, param):
    """How a parameter is seen as matrices: each slice of its last two axes, or one whose columns are the last axis."""
    return group["${key}"] if isinstance(group["${key}"], str) and param.dim() > 2 else None


def _matrices(x, how, is_like=True):
    """The matrices in a tensor beside a parameter, or in what is like it; they share its numbers."""
    if how is None:
        return [x]
    if how == "flatten" and is_like:
        return [x.view(-1, x.shape[-1])]
    return list(x.view(-1, *x.shape[-2:]).unbind(0))`;
}

/** Python of the rules. */
export function rulesText(described: Described): string {
  const rows = [...rulesByKey(described)].map(([key, { isPattern, entries }]) => {
    const pairs = entries.map(([name, value]) =>
      isPattern
        ? `(${pythonText(name)}, ${ruledText(value)}),`
        : `${pythonText(name)}: ${ruledText(value)},`
    );
    return `    "${key}": ${isPattern ? "(" : "{"}
${pairs.map((pair) => `        ${pair}`).join("\n")}
    ${isPattern ? ")" : "}"},`;
  });
  if (rows.length === 0) return "";
  return `# What parameters are given by their names: by paths, which hold for all below them too, or by the first pattern
# that fits, in which * is any text and / stands between the parts of a name.
_RULES = {
${rows.join("\n")}
}


def _fits(pattern, name):
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    if not name.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        at = name.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(name) - len(others[-1]) >= at and name.endswith(others[-1])


def _is_below(path, name):
    return path in ("", name) or name.startswith(path + ".")


def _ruled(key, name):
    """What the parameter \`name\` has for \`key\`."""
    rules = _RULES[key]
    if isinstance(rules, dict):
        found = [value for path, value in rules.items() if _is_below(path, name)]
    else:
        found = [value for pattern, value in rules if _fits(pattern, name.replace(".", "/"))]
    if not found:
        known = list(rules) if isinstance(rules, dict) else [pattern for pattern, _ in rules]
        raise ValueError(
            f"no \`{key}\` is known of a parameter {name!r}, only of {known}: give the optimizer "
            "named_parameters(), or give the group this key"
        )
    return found[0]`;
}

function ruledText(value: Ruled): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? pythonNumber(value) : pythonText(value);
}

/** Python of the method that adds a group. */
export function groupMethods(described: Described, checks: readonly string[]): string {
  const hasRules = rulesByKey(described).size > 0;
  if (checks.length === 0 && !hasRules) return "";
  const check = checks.length === 0 ? "" : `        given = {**self.defaults, **param_group}
${checks.map((line) => `        ${line}`).join("\n")}
`;
  if (!hasRules) {
    return `    def add_param_group(self, param_group):
${check}        super().add_param_group(param_group)`;
  }
  return `    def add_param_group(self, param_group):
        """Adds parameters, those with other values by their names in a group of their own."""
        params = param_group["params"]
        params = [params] if isinstance(params, torch.Tensor) else list(params)
        known = [name for group in self.param_groups for name in group["rule_names"]]
        apart = {}
        for place, each in enumerate(params, len(known)):
            name = each[0] if isinstance(each, tuple) else str(place)
            own = tuple(
                (key, _ruled(key, name))
                for key in _RULES
                if param_group.get(key) is None and self.defaults.get(key) is None
            )
            apart.setdefault(own, []).append((each, name, place))
        for own, some in apart.items():
            group = {**param_group, **dict(own), "ruled": [key for key, _ in own]}
            group["params"], group["rule_names"], group["places"] = map(list, zip(*some))
            self._add_group(group)

    def _add_group(self, param_group):
${check}        super().add_param_group(param_group)`;
}
