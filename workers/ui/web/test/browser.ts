import { axeSource } from './axe'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** launch starts the browser, which must reach nothing but the page. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}

/** Look is how a reader sees the page. */
export interface Look {
  name: string
  width: number
  height: number
  colorScheme: 'light' | 'dark'
}

export const looks: Look[] = [
  { name: 'light', width: 1280, height: 900, colorScheme: 'light' },
  { name: 'dark', width: 1280, height: 900, colorScheme: 'dark' },
  { name: 'phone', width: 360, height: 740, colorScheme: 'light' },
]

/** Tab is a page that was logged in to, with all that went wrong on it. */
export class Tab {
  readonly faults: string[] = []

  private constructor(readonly page: Page, private readonly context: BrowserContext, private readonly url: string) {
    page.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') this.faults.push(`${m.type()}: ${m.text()} (${m.location().url})`)
    })
    page.on('pageerror', (e) => this.faults.push(`exception: ${e.message}`))
    page.on('request', (r) => {
      if (!r.url().startsWith(url) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) this.faults.push(`asks ${r.url()}, which is not the server`)
    })
  }

  static async open(browser: Browser, url: string, token: string, look: Look): Promise<Tab> {
    const context = await browser.newContext({ viewport: { width: look.width, height: look.height }, colorScheme: look.colorScheme, reducedMotion: 'reduce', acceptDownloads: true })
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    const tab = new Tab(page, context, url)
    await page.goto(`${url}/#token=${encodeURIComponent(token)}`)
    await page.getByText('live', { exact: true }).waitFor({ state: 'attached' })
    return tab
  }

  /** go opens a page inside the page and waits until nothing is on its way. */
  async go(hash: string): Promise<void> {
    await this.page.goto(`${this.url}/${hash}`)
    await this.settled()
  }

  async settled(): Promise<void> {
    await this.page.waitForFunction(() => !document.body.innerText.includes('Loading …') && document.querySelector('h1') !== null)
  }

  /** violations are the faults of accessibility that axe finds, a line each. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axeSource)
    return this.page.evaluate(async () => {
      interface Found { violations: { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] }[] }
      const { axe } = window as unknown as { axe: { run: (context: unknown, options: unknown) => Promise<Found> } }
      const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.failureSummary ?? ''})`).join('; ')}`)
    })
  }

  /** wide says by how many pixels the page is wider than the window. */
  wide(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  }

  close(): Promise<void> {
    return this.context.close()
  }
}
