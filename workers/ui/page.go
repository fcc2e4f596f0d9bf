// Package ui is the dashboard: a page in a browser, and the JSON interface
// behind it, by which persons look at runs and control them.
//
// It knows nothing that the commands do not know: it looks at runs and controls
// them by workers/runs, and reads the store as the commands do. What it adds is
// one poller that watches for all its clients, and what keeps others out: the
// token, the session, and the checks against pages of other sites.
package ui

import (
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// dist is the page as built by workers/ui/web.
//
//go:embed web/dist
var dist embed.FS

// kinds are the types of the page's files, which the machine's tables may not
// have right.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2",
	".json": "application/json", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json",
}

// page serves the files of the page. The names of those in assets change with
// what is in them.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, r, fault{http.StatusMethodNotAllowed, errors.New("pages are read only")})
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	data, err := fs.ReadFile(dist, "web/dist/"+name)
	if err != nil {
		s.refuse(w, r, fault{http.StatusNotFound, errors.New("no such page")})
		return
	}
	cached := "no-cache"
	if strings.HasPrefix(name, "assets/") {
		cached = "public, max-age=31536000, immutable"
	}
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cached)
	_, _ = w.Write(data) // who is gone wants no page
}
