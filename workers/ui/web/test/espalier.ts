import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const binary = process.env['ESPALIER'] ?? join(process.cwd(), '../../../bin/espalier')
const spinUp = 120_000

/** Espalier is the real program at work in a folder of its own. */
export class Espalier {
  readonly home = mkdtempSync(join(tmpdir(), 'espalier-ui-'))
  private readonly started: ChildProcess[] = []

  /** serve starts the servers and a worker. */
  async serve(): Promise<void> {
    await this.start(['server', '--temporal-port', '0', '--s3-port', '0'], /stop with/)
    await this.start(['worker', '--slots', '1'], /working on queue/)
  }

  /** dashboard starts a dashboard and answers with where it is; port 0 is a free one. */
  async dashboard(port = 0, ...flags: string[]): Promise<{ url: string; token: string; process: ChildProcess }> {
    const { said, process } = await this.start(['dashboard', '--json', '--address', `127.0.0.1:${port}`, ...flags], /\}/)
    const told = JSON.parse(said.slice(said.indexOf('{'), said.lastIndexOf('}') + 1)) as { dashboard: string; token_file: string }
    return { url: told.dashboard, token: readFileSync(told.token_file, 'utf8').trim(), process }
  }

  /** submit submits a spec and answers with its id. */
  submit(spec: string): string {
    const file = join(this.home, 'spec.yaml')
    writeFileSync(file, spec)
    return this.call('submit', file).trim().split('\n')[0] ?? ''
  }

  /** scan measures how a spec's network bears pruning, and answers with the scan's id. */
  scan(spec: string): string {
    const file = join(this.home, 'spec.yaml')
    writeFileSync(file, spec)
    return (JSON.parse(this.call('sensitivity', file, '--shares', '50,90', '--json')) as { run: string }).run
  }

  /** call runs a command to its end and answers with what it printed. */
  call(...args: string[]): string {
    const done = spawnSync(binary, [...args, '--home', this.home], { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`espalier ${args.join(' ')}: ${done.stderr || String(done.error)}`)
    return done.stdout
  }

  /** stop ends a process and waits for its end. */
  async stop(process: ChildProcess): Promise<void> {
    if (process.exitCode !== null || process.signalCode !== null) return
    const ended = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGTERM')
    await ended
  }

  /** close ends all and removes the folder. */
  async close(): Promise<void> {
    for (const process of this.started.reverse()) await this.stop(process)
    rmSync(this.home, { recursive: true, force: true })
  }

  private async start(args: string[], until: RegExp): Promise<{ said: string; process: ChildProcess }> {
    const child = spawn(binary, [...args, '--home', this.home], { env: { ...process.env, ESPALIER_THREADS: '1' }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.started.push(child)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`espalier ${args.join(' ')} said only: ${said}`)), spinUp)
      const hear = (chunk: Buffer) => {
        said += chunk.toString()
        if (until.test(said)) {
          clearTimeout(late)
          resolve()
        }
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('exit', (code) => reject(new Error(`espalier ${args.join(' ')} ended with ${code}: ${said}`)))
    })
    return { said, process: child }
  }
}

const small = `network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 400, test: 200}
prune:
  method: han
  schedule: {passes: 2, target: {sparsity: 80%}}
  finetune: {epochs: 1}
durability: {checkpoint_every: 1s, heartbeat_timeout: 5s}
`

/** quick is a run of a few seconds. */
export const quick = `name: quick\n${small}train: {epochs: 3, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}\n`

/** slow is a run that goes on until it is stopped. */
export const slow = `name: slow\n${small}train: {epochs: 1000000, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}\n`

/** crowd is a sweep of more trials than its own table has room for, each of a blink. */
export const crowd = (trials: number) => `name: crowd
network: {arch: mlp, hidden: [4]}
data: {name: digits, train: 64, test: 100}
train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 0.05}}, seed: 1}
sweep:
  search: {random: {trials: ${trials}, seed: 3}}
  params:
    train.optimizer.sgd.lr: {min: 0.001, max: 0.5, scale: log}
    network.hidden: [[4], [8], [16]]
  objectives: [accuracy, bytes]
  concurrency: 8
`

/** sweep is a sweep of a few seconds that can be extended. */
export const sweep = `name: tiny-sweep\n${small}train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
sweep:
  search: {random: {trials: 5, seed: 7}}
  params:
    prune.method: [han, random]
    prune.schedule.target.sparsity: {min: 0.5, max: 0.95}
  concurrency: 1
`
