/**
 * The moment in ms with a fraction, on a clock that all processes of one machine share and that nobody sets: what the
 * recorders of one history must use. It counts from some moment of the machine's own, mostly its start.
 */
export function machineTime(): number {
  // In two parts: nanoseconds in one number lose their last digits after a hundred days.
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}
