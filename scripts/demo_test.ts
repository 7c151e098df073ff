import assert from "node:assert/strict";

const SCRIPT = new URL("demo.ts", import.meta.url);
const ROOT = new URL("..", import.meta.url);
const RECORDING = new URL("../docs/demo.svg", import.meta.url);

/** Everything that runs, as `pid arguments`. */
async function processes(): Promise<{ pid: number; parent: number; args: string }[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,args="] })
    .output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const [, pid, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), args };
  });
}

/**
 * A demo that is under way, with a temporary directory of its own and an account of its processes.
 */
class Demo {
  readonly #child: Deno.ChildProcess;
  readonly #temporary: string;
  /** Whatever the demo started, directly or not, as far as it was seen. */
  readonly started = new Map<number, string>();
  readonly ended: Promise<number>;
  printed = "";

  private constructor(child: Deno.ChildProcess, temporary: string) {
    this.#child = child;
    this.#temporary = temporary;
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.printed += text;
    };
    this.ended = Promise.all([child.status, read(child.stdout), read(child.stderr)])
      .then(([{ code }]) => code);
  }

  static async start(...args: string[]): Promise<Demo> {
    const temporary = await Deno.makeTempDir();
    // Postgres must be able to enter it, whoever it runs as.
    await Deno.chmod(temporary, 0o755);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", SCRIPT.href, ...args],
      cwd: ROOT,
      env: { TMPDIR: temporary },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Demo(child, temporary);
  }

  /** Waits for the text, and watches meanwhile which processes there are. */
  async until(text: string): Promise<void> {
    let over = false;
    this.ended.then(() => over = true);
    while (!this.printed.includes(text)) {
      assert.ok(!over, `The demo ended before it printed "${text}": ${this.printed}`);
      await this.#watch();
    }
    await this.#watch();
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** Waits for the end; requires that no process and no file is left. */
  async leavesNothing(): Promise<number> {
    const code = await this.ended;
    assert.ok(this.started.size > 0, "the demo's processes were seen");
    for (let tries = 0;; tries++) {
      const left = (await processes()).filter(({ pid, args }) => this.started.get(pid) === args);
      const files = [...Deno.readDirSync(this.#temporary)].map(({ name }) => name);
      if (left.length === 0 && files.length === 0) break;
      assert.ok(tries < 50, `left behind: ${JSON.stringify({ left, files })}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await Deno.remove(this.#temporary);
    return code;
  }

  async #watch(): Promise<void> {
    const known = new Set([this.#child.pid, ...this.started.keys()]);
    for (const { pid, parent, args } of await processes()) {
      if (!known.has(parent) || args.startsWith("ps ")) continue;
      known.add(pid);
      this.started.set(pid, args);
    }
  }
}

Deno.test("demo does every step and leaves nothing behind", async () => {
  const demo = await Demo.start();
  await demo.until("Every step did what it says");
  assert.equal(await demo.leavesNothing(), 0, demo.printed);

  const titles = [...demo.printed.matchAll(/✓ (.*?) +[\d.]+ s$/gm)].map(([, title]) => title!);
  assert.equal(titles.length, 10);
  const recording = await Deno.readTextFile(RECORDING);
  const unseen = titles.filter((title) => !recording.includes(`</tspan> ${title} `));
  assert.deepEqual(unseen, [], "run deno run -A scripts/demo_recording.ts");
  // deno-lint-ignore no-control-regex -- colour is for terminals
  assert.doesNotMatch(demo.printed, /✗|\x1b/);
  for (
    const line of [
      /another issuer's name +403 42501/,
      /another issuer's role +403 role_not_allowed/,
      /unknown issuer +401 token_refused/,
      /tampered token +401 token_refused/,
      /revoked issuer +401 token_refused +one UPDATE/,
      /old key .* 201\n.*new key .* 201/,
      /acme\/shop +201 .*\n.*its fork evil\/shop +403 rule_not_matched/,
    ]
  ) assert.match(demo.printed, line);
});

for (const where of ["Two services", "Apply supabase/migrations"]) {
  Deno.test(`demo leaves nothing behind when it is interrupted after "${where}"`, async () => {
    const demo = await Demo.start();
    await demo.until(where);
    // The first moment at which there is something to leave behind.
    while (demo.started.size === 0) await demo.until(where);
    demo.interrupt();
    assert.equal(await demo.leavesNothing(), 130, demo.printed);
  });
}

Deno.test("demo fails and leaves nothing behind when something breaks half-way", async () => {
  const demo = await Demo.start();
  await demo.until("Start a local target");
  const [postgrest] = [...demo.started].find(([, args]) => /postgrest/.test(args))!;
  Deno.kill(postgrest, "SIGKILL");
  assert.equal(await demo.leavesNothing(), 1, demo.printed);
  assert.match(demo.printed, /✗[^]*The demo failed/);
});

Deno.test("demo --keep prints lines that work, and ends well with Ctrl-C", async (t) => {
  const demo = await Demo.start("--keep");
  await demo.until('from("widgets").select()');
  const exports = demo.printed.match(/^export .*$/gm)!.join("\n");
  const sh = async (command: string, ...args: string[]) => {
    const child = new Deno.Command("sh", {
      args: ["-c", `${exports}\n${command}`, "sh", ...args],
      cwd: ROOT,
      stdin: "null",
    });
    const { stdout, stderr } = await child.output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };

  for (const line of demo.printed.match(/^curl .*$/gm)!) {
    await t.step(line.slice(0, 40), async () => {
      // Not every machine has curl: the shell says what it would be given, and fetch does it.
      const given = (await sh(`curl() { printf '%s\\n' "$@"; }\n${line}`)).trim().split("\n");
      const url = given[0]!;
      const headers = new Headers();
      let body: string | undefined;
      for (let i = 1; i < given.length; i += 2) {
        const value = given[i + 1]!;
        if (given[i] === "-d") body = value;
        else headers.append(value.split(": ")[0]!, value.split(": ")[1]!);
      }
      const response = await fetch(
        url,
        body === undefined ? { headers } : { method: "POST", headers, body },
      );
      await response.body?.cancel();
      assert.equal(response.status, body === undefined ? 200 : 201);
    });
  }
  await t.step("supabase-js", async () => {
    const snippet = /^import \{ createClient[^]*?console\.log.*$/m.exec(demo.printed)![0];
    const module = `data:text/javascript,${encodeURIComponent(snippet)}`;
    const printed = await sh(`"$1" run -A --config deno.json "$2"`, Deno.execPath(), module);
    assert.match(printed, /error: null/);
    assert.match(printed, /name: "by hand"/);
  });

  demo.interrupt();
  assert.equal(await demo.leavesNothing(), 0, demo.printed);
});

Deno.test("demo refuses an option that it does not know", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", SCRIPT.href, "--kept"],
    cwd: ROOT,
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stderr).trim()], [
    2,
    "Usage: deno task demo [--keep]",
  ]);
});
