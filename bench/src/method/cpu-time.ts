/**
 * Microseconds of processor that this process has used, all of its threads. For work that keeps the processor busy it says what the
 * work costs whoever else is on the machine; for work that waits for a server it says only this side's part.
 */
export function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
