/** The primes among the first of the generator's primorial whose residues give a key away. */
const PRIMES: readonly number[] = [
  11,
  13,
  17,
  19,
  37,
  53,
  61,
  71,
  73,
  79,
  97,
  103,
  107,
  109,
  127,
  151,
  157,
];
const GENERATOR = 65_537;

/** By prime, the residues that a power of the generator can have: for each of them a small share of all. */
const POWERS: readonly (readonly [prime: number, residues: ReadonlySet<number>])[] = PRIMES.map(
  (prime) => {
    const residues = new Set<number>();
    for (let power = 1; !residues.has(power); power = power * GENERATOR % prime) {
      residues.add(power);
    }
    return [prime, residues];
  },
);

/**
 * Tells whether an RSA modulus has the fingerprint of Infineon's broken generator (ROCA, CVE-2017-15361): its factors can
 * be found for a few dollars.
 *
 * **Does not** err in practice: of 200 million other keys it takes one for broken.
 *
 * @param modulus Big-endian.
 */
export function hasRocaFingerprint(modulus: Uint8Array): boolean {
  return POWERS.every(([prime, residues]) => {
    const residue = modulus.reduce((remainder, byte) => (remainder * 256 + byte) % prime, 0);
    return residues.has(residue);
  });
}
