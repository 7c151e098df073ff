/** Names that lead to this machine or its network: RFC 6761 §6.3, RFC 6762, and the private-use `internal`. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|localdomain|home\.arpa)$/;

/** The blocks of IPv4 that are not the public internet (RFC 6890), as first address and prefix length. */
const PRIVATE_V4: readonly (readonly [address: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
];

/**
 * Tells whether a URL's host cannot be on the public internet, by its spelling alone: a private or loopback address,
 * in whatever form the URL parser reads one, or a name that is only known here.
 *
 * **Does not** resolve a name; see `isPrivateAddress` for what it resolves to.
 *
 * @param hostname Of a parsed URL, which has turned `0x7f.1` and its like into four decimal numbers.
 */
export function isPrivateHost(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "").toLowerCase();
  if (isAddress(name)) return isPrivateAddress(name);
  return PRIVATE_NAME.test(name) || !name.includes(".");
}

/** Tells whether a host is an address rather than a name. */
export function isAddress(hostname: string): boolean {
  return hostname.includes(":") || v4(hostname) !== undefined;
}

/** Tells whether an address is not one of the public internet's. What cannot be read is not. */
export function isPrivateAddress(address: string): boolean {
  const number = v4(address);
  if (number !== undefined) return isPrivateV4(number);
  const groups = v6(address.replace(/^\[|\]$/g, ""));
  if (groups === undefined) return true;
  const [first = 0, second = 0, , , , , seventh = 0, eighth = 0] = groups;
  const embedded = seventh * 0x10000 + eighth;
  // ::/96 and ::ffff:0:0/96 hold an IPv4 address, and so do NAT64 (RFC 6052) and 6to4 (RFC 3056).
  if (groups.slice(0, 5).every((group) => group === 0)) {
    return isPrivateV4(embedded) || groups[5] === 0;
  }
  if (first === 0x64 && second === 0xff9b) return isPrivateV4(embedded);
  if (first === 0x2002) return isPrivateV4(second * 0x10000 + (groups[2] ?? 0));
  // Only 2000::/3 is handed out; Teredo and documentation in it are not.
  return first < 0x2000 || first > 0x3fff ||
    (first === 0x2001 && (second === 0 || second === 0xdb8));
}

function isPrivateV4(number: number): boolean {
  return PRIVATE_V4.some(([address, bits]) =>
    Math.floor(number / 2 ** (32 - bits)) === Math.floor((v4(address) ?? 0) / 2 ** (32 - bits))
  );
}

function v4(text: string): number | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.some((byte) => byte > 255)
    ? undefined
    : bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2). */
function v6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted?.[2] === undefined ? undefined : v4(dotted[2]);
  const spelled = tail === undefined
    ? text
    : `${dotted?.[1]}${Math.floor(tail / 0x10000).toString(16)}:${(tail % 0x10000).toString(16)}`;
  const halves = spelled.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...rest];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => parseInt(group, 16))
    : undefined;
}
