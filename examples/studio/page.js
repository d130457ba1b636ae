/** The page: starts trainings, and draws where they are. */
import { predict } from "./network.ts";
import { optimizers, points, STEPS, train } from "./training.ts";

const [form, choice] = [document.querySelector("form"), document.querySelector("#optimizer")];
const [plane, curve] = [document.querySelector("#plane"), document.querySelector("#curve")];
const KINDS = [[214, 118, 36], [43, 109, 196]];
/** The part of the plane that is shown, and the losses that the curve spans. */
const [LEFT, TOP, WIDTH, HEIGHT] = [-1.9, 1.6, 3.8, 3.2];
const [LEAST, MOST] = [0.05, 1];

for (const name of Object.keys(optimizers)) choice.append(new Option(name));
const asked = decodeURIComponent(location.hash.slice(1));
if (asked in optimizers) choice.value = asked;

let current = 0;

async function run() {
  const mine = ++current;
  const losses = [];
  show("step", "loading ONNX Runtime …");
  try {
    for await (const progress of train(optimizers[choice.value])) {
      if (mine !== current) return;
      losses.push(progress.loss);
      show("step", `${progress.step} of ${STEPS}`);
      show("loss", progress.loss.toFixed(4));
      if (progress.step > 0) show("time", `${progress.milliseconds.toFixed(1)} ms`);
      if (progress.step % 5 > 0) continue;
      drawPlane(progress.parameters);
      drawCurve(losses);
      // Lets the browser show it.
      await new Promise(requestAnimationFrame);
    }
    done({ loss: losses.at(-1) });
  } catch (error) {
    show("step", error.message);
    done({ error: error.message });
  }
}

/** Tells a test that listens. */
function done(result) {
  globalThis.report?.(JSON.stringify(result));
}

function show(id, text) {
  document.getElementById(id).textContent = text;
}

function drawPlane(parameters) {
  const [context, cell] = [plane.getContext("2d"), 4];
  const toX = (pixel) => LEFT + WIDTH * pixel / plane.width;
  const toY = (pixel) => TOP - HEIGHT * pixel / plane.height;
  for (let y = 0; y < plane.height; y += cell) {
    for (let x = 0; x < plane.width; x += cell) {
      const sure = predict(parameters, toX(x + cell / 2), toY(y + cell / 2));
      const mixed = KINDS[0].map((from, i) => from + sure * (KINDS[1][i] - from));
      context.fillStyle = `rgb(${mixed.join(" ")} / 45%)`;
      context.clearRect(x, y, cell, cell);
      context.fillRect(x, y, cell, cell);
    }
  }
  points.kind.forEach((kind, i) => {
    const [x, y] = [points.at[2 * i], points.at[2 * i + 1]];
    context.beginPath();
    const column = (x - LEFT) / WIDTH * plane.width;
    context.arc(column, (TOP - y) / HEIGHT * plane.height, 2.5, 0, 7);
    context.fillStyle = `rgb(${KINDS[kind]})`;
    context.fill();
    context.strokeStyle = "white";
    context.stroke();
  });
}

function drawCurve(losses) {
  const context = curve.getContext("2d");
  const style = getComputedStyle(document.body);
  const [ink, faint, line] = ["--ink", "--faint", "--line"].map((name) =>
    style.getPropertyValue(name)
  );
  const [left, bottom] = [48, curve.height - 28];
  const toX = (step) => left + (curve.width - left - 18) * step / STEPS;
  const toY = (loss) =>
    10 + (bottom - 10) * Math.log(MOST / Math.max(loss, LEAST)) / Math.log(MOST / LEAST);
  context.clearRect(0, 0, curve.width, curve.height);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = faint;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const loss of [1, 0.5, 0.2, 0.1, 0.05]) {
    context.fillText(String(loss), left - 6, toY(loss));
    context.strokeRect(left, toY(loss), curve.width - left - 18, 0);
  }
  context.textAlign = "center";
  for (let step = 0; step <= STEPS; step += 50) {
    context.fillText(String(step), toX(step), bottom + 14);
  }
  context.beginPath();
  losses.forEach((loss, step) => context.lineTo(toX(step), toY(loss)));
  context.strokeStyle = ink;
  context.lineWidth = 2;
  context.stroke();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
const adapter = await navigator.gpu?.requestAdapter();
show("gpu", adapter ? [adapter.info.vendor, adapter.info.architecture].join(" ") : "none");
run();
