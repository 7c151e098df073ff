/** Ways to change JSON, and ways to spell the same JSON otherwise. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";

/** Text that Postgres can hold, from all of Unicode. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("", "é", "e\u0301", "\u2028", "\u007f", '"\\/\b\f\n\r\t\u0001', "🔑", "\ue000"),
).map((text) => text.replaceAll("\0", ""));

/** Numbers that the proxy accepts. */
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -10, max: 10 }),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  fc.double({ noNaN: true, min: -1e-5, max: 1e-5 }),
  fc.constantFrom(0, 0.05, 1e-7, 0.1e-6, 1.5, 1e15, 9007199254740991, 5e-324, 2 ** -40),
).map((number) => number + 0);

/** Values that a claim may have. */
export const { value }: { value: fc.Arbitrary<unknown> } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, {}, [], { a: {} }, [[]]),
    number,
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 5 }).map((members) =>
      Object.fromEntries(members.filter(([name]) => name !== "__proto__"))
    ),
  ),
}));

type Path = readonly (string | number)[];

/** The paths of everything inside a value, the value itself left out. */
function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((name) => {
    const path = [...at, Array.isArray(value) ? Number(name) : name];
    return [path, ...pathsIn(Reflect.get(value, name), path)];
  });
}

/** A copy in which `edit` has changed the holder of the last step of the path. */
function edited(
  root: object,
  path: Path,
  edit: (holder: Record<string, unknown> | unknown[], name: string | number) => void,
): object {
  const copy = structuredClone(root);
  let holder: unknown = copy;
  for (const step of path.slice(0, -1)) holder = Reflect.get(holder as object, step);
  const last = path.at(-1);
  if (last !== undefined) edit(holder as Record<string, unknown>, last);
  return copy;
}

/** A change of one thing anywhere inside. It may happen to change nothing. */
export const change: fc.Arbitrary<(root: object) => object> = fc.record({
  kind: fc.constantFrom("set", "drop", "add", "rename", "swap", "nudge"),
  place: fc.nat({ max: 10_000 }),
  value,
  name: text.filter((name) => name !== "__proto__"),
}).map(({ kind, place, value, name }) => (root) => {
  const paths = pathsIn(root);
  const path = paths[place % paths.length] ?? [];
  return edited(root, path, (holder, at) => {
    const found: unknown = Reflect.get(holder, at);
    if (Array.isArray(holder)) {
      const index = Number(at);
      if (kind === "drop") holder.splice(index, 1);
      else if (kind === "add") holder.splice(index, 0, value);
      else if (kind === "swap") holder.push(...holder.splice(index, 1));
      else holder[index] = kind === "nudge" ? nudged(found) : value;
      return;
    }
    if (kind === "drop") delete holder[at];
    else if (kind === "add" || kind === "swap") holder[name] = value;
    else if (kind === "rename") {
      delete holder[at];
      holder[name] = found;
    } else holder[at] = kind === "nudge" ? nudged(found) : value;
  });
});

/** As near as another value of the same kind can be. */
function nudged(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return Number.isInteger(value) ? value + 1 : value * (1 + Number.EPSILON);
    case "string":
      return value === ""
        ? " "
        : value.normalize("NFD") === value
        ? `${value.slice(0, -1)}${String.fromCharCode(value.charCodeAt(value.length - 1) ^ 1)}`
        : value.normalize("NFD");
    case "boolean":
      return !value;
    default:
      return value === null ? false : Array.isArray(value) ? {} : [];
  }
}

/** Whether Postgres sees the same. PostgREST 12 makes an audience of one a string. */
export function areSame(one: object, other: object): boolean {
  const seen = (claims: object) => {
    const copy = JSON.parse(JSON.stringify(claims));
    if (Array.isArray(copy.aud) && copy.aud.length === 1) copy.aud = copy.aud[0];
    return copy;
  };
  return isDeepStrictEqual(seen(one), seen(other));
}

/** The same value in another spelling: order of members, white space, escapes, and how numbers are written. */
export function respelled(value: unknown, random: () => number): string {
  const pick = <T>(...choices: T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const space = () => pick("", "", " ", "\n\t");
  if (typeof value === "number") return pick(...spellings(value));
  if (typeof value === "string") {
    return Array.from({ length: value.length }, (_, index) => {
      const unit = value.charCodeAt(index).toString(16).padStart(4, "0");
      const plain = value.charAt(index);
      const isPlain = plain.isWellFormed() && !/["\\\p{Cc}]/u.test(plain);
      return isPlain && random() < 0.7 ? plain : `\\u${pick(unit, unit.toUpperCase())}`;
    }).reduce((text, unit) => text + unit, '"') + '"';
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    const elements = value.map((element) => `${space()}${respelled(element, random)}${space()}`);
    return `[${elements.join(",")}]`;
  }
  const members = Object.entries(value)
    .map(([name, member]) => ({ name, member, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ name, member }) =>
      `${space()}${respelled(name, random)}${space()}:${space()}${respelled(member, random)}`
    );
  return `{${members.join(",")}}`;
}

function spellings(number: number): [string, ...string[]] {
  const plain = JSON.stringify(number);
  const [digits = "", exponent = "0"] = plain.split("e");
  if (number === 0) return ["0", "-0", "0.00", "0e5", "-0.0E-3"];
  const longer = digits.includes(".") ? `${digits}00` : `${digits}.0`;
  const power = Number(exponent);
  return [
    plain,
    `${digits}e${power}`,
    `${longer}E+${power}`.replace("+-", "-"),
    `${longer}e${power}`,
  ];
}
