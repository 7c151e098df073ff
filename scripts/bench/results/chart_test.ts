import assert from "node:assert/strict";
import { chart } from "./chart.ts";
import type { Result } from "./report.ts";

const result = (name: string, unit: string, low: number, value: number, high: number): Result => ({
  name,
  unit,
  better: "less",
  low,
  value,
  high,
});

/** The numbers of an attribute, in the order of the document. */
const numbers = (svg: string, element: string, attribute: string) =>
  [...svg.matchAll(new RegExp(`<${element} [^>]*\\b${attribute}="([\\d.]+)"`, "g"))]
    .map((match) => Number(match[1]));

Deno.test("chart() draws bars of one unit on one scale from 0", () => {
  const svg = chart("swap", [result("a", "µs", 8, 10, 20), result("b", "µs", 4, 5, 6)]);
  const [a, b] = numbers(svg, "rect", "width");
  assert.equal(a! / b!, 2);
});

Deno.test("chart() gives each unit a scale of its own", () => {
  const svg = chart("swap", [
    result("a", "µs", 10, 10, 10),
    result("b", "requests/s", 5e6, 5e6, 5e6),
  ]);
  const [a, b] = numbers(svg, "rect", "width");
  assert.equal(a, b);
  assert.match(svg, />µs \(less is better\)</);
});

Deno.test("chart() shows the spread from quartile to quartile", () => {
  const svg = chart("swap", [result("a", "µs", 5, 8, 10)]);
  const [from] = numbers(svg, "line", "x1");
  const [to] = numbers(svg, "line", "x2");
  const [bar] = numbers(svg, "rect", "x");
  assert.equal((to! - bar!) / (from! - bar!), 2);
});

Deno.test("chart() escapes names", () => {
  const svg = chart("a & b", [result("<script>", "µs", 1, 1, 1)]);
  assert.doesNotMatch(svg, /<script>/);
  assert.match(svg, />&#60;script&#62;</);
});
