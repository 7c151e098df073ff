import assert from "node:assert/strict";
import { drawRecording } from "./demo_recording.ts";

const LINES = [
  { text: "", at: 0.1 },
  { text: "  ✓ Start <a target> & more    1.25 s", at: 1 },
  { text: "      billing   POST 201", at: 2 },
  { text: "", at: 2 },
];

Deno.test("drawRecording() shows each line from the moment on at which it appeared", () => {
  const svg = drawRecording(LINES);
  assert.match(svg, /@keyframes at10_0\{0%,10\.0%\{opacity:0\}10\.1%,100%\{opacity:1\}\}/);
  assert.match(svg, /animation-name:at20_0"> {6}billing {3}POST 201<\/text>/);
  assert.match(svg, /animation-duration:10\.0s/);
  assert.equal(svg.match(/animation-name/g)?.length, 2, "leading and trailing blank lines are cut");
});

Deno.test("drawRecording() escapes what is markup, and colors the mark and the time", () => {
  const svg = drawRecording(LINES);
  assert.match(svg, /<tspan class="good">✓<\/tspan> Start &lt;a target&gt; &amp; more {4}<tspan/);
  assert.match(svg, /<tspan class="faint">1\.25 s<\/tspan><\/text>/);
});

Deno.test("drawRecording() stands still for readers who asked for that, and runs no script", () => {
  const svg = drawRecording(LINES);
  assert.match(svg, /prefers-reduced-motion:reduce\)\{text\[style\]\{animation:none\}/);
  assert.doesNotMatch(svg, /<script|href|url\(/);
});
