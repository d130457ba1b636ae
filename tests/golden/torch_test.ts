/** PyTorch's optimizers against `torch.optim`, in float64 to 1e-12: the cases of zoo2026.json that are its. */
import {
  adafactor,
  addDecayedWeights,
  adagrad,
  adam,
  adamw,
  amsgrad,
  asgd,
  chain,
  lbfgs,
  nadam,
  nadamw,
  type Optimizer,
  radam,
  rprop,
  scaleByLearningRate,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { difference, pick, tensor, zoo2026, type ZooCase } from "./zoo2026.ts";
