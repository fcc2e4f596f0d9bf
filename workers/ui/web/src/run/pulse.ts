import type { View } from '../types'

/** pulse changes when something that is kept of a run may have changed. */
export function pulse(v: View): string {
  const p = v.step?.progress
  return [v.state, v.closed, v.summary.pass, v.reached?.rows?.length, v.step?.activity, v.step?.attempt, p?.pass, p?.cursor?.epoch, p?.checkpoint].join(' ')
}
