/** Draws the results of a benchmark as an SVG that GitHub shows in light and dark mode. */
import type { Result } from "./report.ts";

const WIDTH = 860;
const LABELS = 380;
const VALUES = 130;
const ROW = 22;
const HEADING = 34;

const STYLE = `
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
  .heading { font-weight: 600 }
  .bar { fill: #4b6bdc }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .bar { fill: #7d97f0 }
    .spread { stroke: #e6edf3 }
  }`;

/**
 * One bar for each result: its median, with a line from the lower to the upper quartile. Results of one unit
 * share a scale that starts at 0, so that lengths can be compared.
 *
 * @param title What was measured, with machine and versions.
 * @param results At least one.
 * @returns The SVG.
 */
export function chart(title: string, results: readonly Result[]): string {
  const parts: string[] = [];
  let y = 24;
  parts.push(text(0, y, title, "heading"));
  for (const [heading, group] of byUnit(results)) {
    y += HEADING;
    parts.push(text(0, y, heading, "heading"));
    const most = Math.max(...group.map(({ high }) => high), Number.MIN_VALUE);
    const scale = (value: number) => (value / most) * (WIDTH - LABELS - VALUES);
    for (const { name, value, low, high } of group) {
      y += ROW;
      const x = (figure: number) => (LABELS + scale(figure)).toFixed(1);
      parts.push(
        text(0, y, name),
        `<rect class="bar" x="${LABELS}" y="${y - 11}" width="${
          scale(value).toFixed(1)
        }" height="14" rx="2"/>`,
        `<line class="spread" x1="${x(low)}" x2="${x(high)}" y1="${y - 4}" y2="${y - 4}"/>`,
        text(WIDTH - VALUES + 10, y, String(value)),
      );
    }
  }
  const height = y + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${
    escaped(title)
  }">
<style>${STYLE}
</style>
${parts.join("\n")}
</svg>
`;
}

function byUnit(results: readonly Result[]): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const heading = `${result.unit} (${result.better} is better)`;
    groups.set(heading, [...groups.get(heading) ?? [], result]);
  }
  return groups;
}

function text(x: number, y: number, content: string, style?: string): string {
  const styled = style === undefined ? "" : ` class="${style}"`;
  return `<text x="${x}" y="${y}"${styled}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
