import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, count, eta, percent, seconds, share } from '../src/format'
import { lay } from '../src/run/lines'
import { csv, front, type Measure, sample, shortPath, valueOf } from '../src/sweep/numbers'
import { Kept } from '../src/sweep/trials'
import type { NewTrials, TrialRow, View } from '../src/types'

test('numbers are shown with their units', () => {
  assert.deepEqual([0, 999, 1000, 82_000, 1_066_440, undefined].map(bytes), ['0 B', '999 B', '1.00 kB', '82.0 kB', '1.07 MB', '–'])
  assert.deepEqual([0, 12, 266_200].map(count), ['0', '12', '266 k'])
  assert.deepEqual([0, 0.923456, Number.NaN].map((n) => percent(n)), ['0.00 %', '92.35 %', '–'])
  assert.deepEqual([0, 2.5e-6, 1.5e-3, 5, 75, 3700, 90_000].map(seconds), ['0 s', '2.5 µs', '1.50 ms', '5.0 s', '1 min 15 s', '1 h 1 min', '1 d 1 h'])
})

test('a run is as far as its passes and the epochs of the step under way', () => {
  const v: View = { id: 'a-1', state: 'running', started: '2026-01-01T00:00:00Z', summary: { name: 'a', state: 'running', pass: 0, passes: 3, sparsity: 0, accuracy: 0 } }
  assert.equal(share(v), 0)
  assert.equal(eta(v, Date.parse(v.started) + 1000), undefined)
  const half: View = { ...v, step: { activity: 'x', attempt: 1, waiting: false, progress: { kind: 'train', pass: 1, phase: 'training', epochs: 4, batches: 10, cursor: { epoch: 4, batch: 0, step: 0, loss_sum: 0, correct: 0, seen: 0 } } } }
  assert.equal(share(half), 0.5)
  assert.equal(eta(half, Date.parse(v.started) + 60_000), 60)
  assert.equal(share({ ...v, state: 'done' }), 1)
})

test('curves of steps follow each other', () => {
  const steps = [
    { key: 'a', activity: 'Train', pass: 0, points: [{ epoch: 1, loss: 2 }, { epoch: 2, loss: 1 }] },
    { key: 'b', activity: 'Finetune', pass: 1, points: [{ epoch: 0, batch: 5, loss: 0.6 }, { epoch: 1, loss: 0.5 }] },
  ]
  assert.deepEqual(lay(steps).map((l) => l.points.map((p) => p.at)), [[1, 2], [3]])
  assert.deepEqual(lay(steps, 10).map((l) => l.points.map((p) => p.at)), [[1, 2], [2.5, 3]])
})

const measure = (name: string, maximized: boolean): Measure => ({ name, unit: undefined, maximized })
const trial = (n: number, accuracy: number, size: number): TrialRow => ({ trial: n, run: `r-${n}`, state: 'done', values: {}, best: { accuracy, bytes: size } })

test('the front has what nothing beats, whatever the order', () => {
  const trials = [trial(0, 0.9, 100), trial(1, 0.8, 50), trial(2, 0.85, 120), trial(3, 0.8, 60), trial(4, 0.95, 300)]
  const want = [1, 0, 4]
  for (const order of [trials, [...trials].reverse()]) {
    assert.deepEqual(front(order, measure('bytes', false), measure('accuracy', true)).map((t) => t.trial), want)
  }
})

test('the front of many is that of each against each', () => {
  let seed = 1
  const random = (n: number) => { // few values, so that many are equal
    seed = (seed * 48271) % 2147483647
    return seed % n
  }
  for (let round = 0; round < 50; round++) {
    const trials = Array.from({ length: 60 }, (_, n) => trial(n, random(12) / 12, random(12)))
    const [bytes, accuracy] = [(t: TrialRow) => t.best?.['bytes'] ?? 0, (t: TrialRow) => t.best?.['accuracy'] ?? 0]
    const beats = (a: TrialRow, b: TrialRow) => bytes(a) <= bytes(b) && accuracy(a) >= accuracy(b) && (bytes(a) < bytes(b) || accuracy(a) > accuracy(b))
    const want = trials.filter((t) => !trials.some((o) => beats(o, t))).map((t) => t.trial)
    assert.deepEqual(front(trials, measure('bytes', false), measure('accuracy', true)).map((t) => t.trial).sort((a, b) => a - b), want)
  }
})

test('a sample keeps what it must, and its trials as more come', () => {
  const trials = Array.from({ length: 10_000 }, (_, n) => trial(n, 0.5, n))
  const must = new Set(['r-1', 'r-9999'])
  const drawn = sample(trials, 1500, must)
  assert.equal(drawn.length, 1500)
  assert.ok([1, 9999].every((n) => drawn.some((t) => t.trial === n)))
  assert.deepEqual(drawn.map((t) => t.trial), drawn.map((t) => t.trial).sort((a, b) => a - b))
  const before = new Set(sample(trials.slice(0, 9000), 1500, must))
  assert.ok(drawn.filter((t) => before.has(t)).length > 1200, 'the sample is another')
  assert.equal(sample(trials.slice(0, 20), 1500, must).length, 20)
})

test('what is new of trials is written over what was there', () => {
  const kept = new Kept()
  const told = (book: string, version: number, front: number[], ...trials: TrialRow[]): NewTrials => ({ book, version, front, trials, parameters: [], columns: [] })
  const shown = () => kept.state().data?.trials?.map((t) => `${t.trial} ${t.state}${t.pareto ? ' on the front' : ''}`)
  kept.take(told('a', 2, [0], { ...trial(0, 0.9, 1), state: 'running' }, trial(2, 0.8, 1)))
  assert.deepEqual(shown(), ['0 running on the front', '2 done'])
  kept.take(told('a', 4, [2], trial(0, 0.9, 1), trial(1, 0.7, 1)))
  assert.deepEqual(shown(), ['0 done', '1 done', '2 done on the front'])
  kept.take(told('b', 1, [], trial(7, 0.9, 1)))
  assert.deepEqual([shown(), kept.version], [['7 done'], 1])
})

test('values are numbers where they are numbers', () => {
  const t: TrialRow = { trial: 0, run: 'r', state: 'done', values: { a: '80%', b: 'han', c: '1e-3', d: 3 } }
  assert.deepEqual(['a', 'b', 'c', 'd', 'e'].map((p) => valueOf(t, p)), [0.8, 'han', 0.001, 3, undefined])
  assert.equal(shortPath('prune.schedule.target.sparsity', ['prune.schedule.target.sparsity', 'prune.method']), 'sparsity')
  assert.equal(shortPath('train.epochs', ['train.epochs', 'prune.finetune.epochs']), 'train.epochs')
})

test('a table as CSV keeps commas, quotes and ends of lines', () => {
  assert.equal(csv(['a', 'b'], [['x,y', 'say "so"'], [undefined, 'two\nlines']]), 'a,b\r\n"x,y","say ""so"""\r\n,"two\nlines"\r\n')
})
