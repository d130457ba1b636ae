/** What torch's files evaluate with, where that is not what they train: as schedule-free optimizers have it. */
import { type Described, rulesByKey } from "./described.ts";
import { isEvaluated } from "./forms.ts";
import { callText } from "./functions.ts";

/** Python of the methods. */
export function evaluationMethods(described: Described): string {
  if (!isEvaluated(described)) return "";
  const hasPlaces = rulesByKey(described).size > 0;
  return `    def _ordered(self):
        """All parameters, in the order in which they were given."""
        ${
    hasPlaces
      ? `placed = [each for group in self.param_groups for each in zip(group["places"], group["params"])]
        return [param for _, param in sorted(placed, key=lambda each: each[0])]`
      : `return [param for group in self.param_groups for param in group["params"]]`
  }

    @torch.no_grad()
    def evaluation_params(self):
        """Copies of the parameters to evaluate with, in the order in which parameters were given."""
        is_training = not any("trained" in state for state in self.state.values())
        self.eval()
        made = [param.clone() for param in self._ordered()]
        if is_training:
            self.train()
        return made

    @torch.no_grad()
    def eval(self):
        """Puts what to evaluate with into the parameters; those that are trained are kept until \`train\` is called."""
        if any("trained" in state for state in self.state.values()):
            return
        steps, tree, first = [], [], 0
        for group in self.param_groups:
            lists = self._lists(group, first, steps, tree, is_evaluated=True)
            first += len(group["params"])
            for param in group["params"]:
                self.state[param]["trained"] = param.clone()
            for some in _buckets(lists, group["foreach"]):
                bucket = self._bucket(group, some, steps[0], tree, ago=1)
                ${callText(described, "evaluated")}
                _copy(some["w"], bucket["evaluated"])

    @torch.no_grad()
    def train(self):
        """Puts the parameters that are trained back."""
        for param in self._ordered():
            if "trained" in self.state[param]:
                param.copy_(self.state[param].pop("trained"))
`;
}
