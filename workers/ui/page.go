// Package ui is the dashboard: a page in a browser, and the JSON interface
// behind it, by which persons look at runs and control them.
//
// It knows nothing that the commands do not know: it looks at runs and controls
// them by workers/runs, and reads the store as the commands do. What it adds is
// one poller that watches for all its clients, and what keeps others out: the
// token, the session, and the checks against pages of other sites.
package ui

import "embed"

// page is the page as built by workers/ui/web.
//
//go:embed web/dist
var page embed.FS
