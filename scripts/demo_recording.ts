/**
 * Writes docs/demo.svg: a recording of `deno task demo` that README.md shows. It runs the demo, notes when each line
 * appears, and draws the lines as text that comes up at the same times. CSS alone moves it, because GitHub runs no
 * script inside an image.
 *
 * `deno run -A scripts/demo_recording.ts` records. scripts/demo_test.ts fails when the demo has steps that the recording
 * does not show.
 */

/** A line of the demo's output, and when it appeared. */
export interface RecordedLine {
  readonly text: string;
  /** Seconds since the start. */
  readonly at: number;
}

const OUTPUT = new URL("../docs/demo.svg", import.meta.url);
const COMMAND = "npx -y deno@2.9.6 task demo";
const COLUMN = 8.43;
const ROW = 20;
const MARGIN = 24;
/** Seconds for which the last picture stays before the recording starts over. */
const REST = 8;

/** Runs the demo and collects its lines. */
async function record(): Promise<RecordedLine[]> {
  const started = performance.now();
  const demo = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("demo.ts", import.meta.url).href],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines: RecordedLine[] = [];
  let rest = "";
  for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    const at = (performance.now() - started) / 1000;
    for (const text of parts) lines.push({ text: text.replace(/:\d{4,5},/, ":54321,"), at });
  }
  const { code } = await demo.status;
  if (code !== 0) throw new Error(`Expected the demo to succeed, found exit status ${code}`);
  return lines;
}

/**
 * Draws a recording.
 *
 * @param lines In the order in which they appeared.
 * @returns An SVG document with a light and a dark palette. Who asked for reduced motion sees the last picture.
 */
export function drawRecording(lines: readonly RecordedLine[]): string {
  const shown = lines.slice(
    lines.findIndex(({ text }) => text !== ""),
    lines.findLastIndex(({ text }) => text !== "") + 1,
  );
  const columns = Math.max(COMMAND.length + 2, ...shown.map(({ text }) => text.length));
  const width = Math.ceil(columns * COLUMN) + 2 * MARGIN;
  const height = (shown.length + 2) * ROW + 2 * MARGIN;
  const total = (shown.at(-1)?.at ?? 0) + REST;

  const moments = [...new Set(shown.map(({ at }) => percent(at, total)))];
  const keyframes = moments.map((moment) =>
    `@keyframes ${name(moment)}{0%,${moment}%{opacity:0}${after(moment)}%,100%{opacity:1}}`
  );
  const rows = shown.map(({ text, at }, index) => {
    const y = MARGIN + (index + 3) * ROW;
    const moment = name(percent(at, total));
    return `<text y="${y}" style="animation-name:${moment}">${row(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A recording of the demo">
<style>
svg{--paper:#fff;--ink:#1f2328;--faint:#59636e;--good:#1a7f37;--edge:#d1d9e0}
@media (prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--faint:#9198a1;--good:#3fb950;--edge:#3d444d}}
rect{fill:var(--paper);stroke:var(--edge)}
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink);white-space:pre}
text[style]{animation-duration:${total.toFixed(1)}s;animation-iteration-count:infinite}
.good{fill:var(--good)}.faint{fill:var(--faint)}
@media (prefers-reduced-motion:reduce){text[style]{animation:none}}
${keyframes.join("\n")}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
<g transform="translate(${MARGIN} 0)" xml:space="preserve">
<text y="${MARGIN + ROW}"><tspan class="faint">$</tspan> ${COMMAND}</text>
${rows.join("\n")}
</g>
</svg>
`;
}

/** The colors that the demo has on a terminal: a mark of success, and a time at the end. */
function row(text: string): string {
  const [, start = "", time = ""] = /^(.*?)(\d+\.\d+ s)?$/.exec(text) ?? [];
  return escape(start).replace("✓", '<tspan class="good">✓</tspan>') +
    (time === "" ? "" : `<tspan class="faint">${time}</tspan>`);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function percent(at: number, total: number): string {
  return ((at / total) * 100).toFixed(1);
}

function after(moment: string): string {
  return (Number(moment) + 0.1).toFixed(1);
}

function name(moment: string): string {
  return `at${moment.replace(".", "_")}`;
}

if (import.meta.main) await Deno.writeTextFile(OUTPUT, drawRecording(await record()));
