/** Whether an age is under a lifetime. Not for an age below zero: a clock that was set back says nothing. */
export function isWithin(age: number, lifetime: number): boolean {
  return age >= 0 && age < lifetime;
}
